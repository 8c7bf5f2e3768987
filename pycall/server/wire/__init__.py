"""The wire: websockets, Engine.IO and Socket.IO, down to single frames."""
