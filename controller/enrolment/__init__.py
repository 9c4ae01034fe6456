"""Enrolment by phone: consent by a key, three recordings, a voice."""
