"""The thin asyncio service that carries frames, text and decisions. It imports no model and no model runtime."""
