"""The whole of Dragoman on one machine, once: real servers, two soft phones, one interpreted call, a report."""
