"""Pictures made smaller before they are encoded."""

from __future__ import annotations

import av
from av.video.reformatter import Interpolation, VideoReformatter


class Scaler:
    """Keeps what libswscale needs from one picture to the next; one picture at a time."""

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()

    def scale(self, frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
        """The picture as yuv420p of this size, which is even; ``frame`` itself when it is so already."""
        return self._reformatter.reformat(
            frame, width, height, "yuv420p", interpolation=Interpolation.BICUBIC
        )
