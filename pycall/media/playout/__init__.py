"""The far side's media on its way to the person: held against jitter, pulled by the speaker."""
