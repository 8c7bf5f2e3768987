from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from pycall.errors import DeviceFailed, DeviceNotFound, MediaError
from pycall.media import keeper
from pycall.media.frames import BLOCK, SAMPLE_RATE, Picture, Sound
from pycall.media.sources.opening import open_sources
from pycall.media.sources.player import Player
from pycall.media.spec import File, Off, Spec, Url
from pycall.media.testsignals.strip import Region, read_strip
from pycall.media.testsignals.testcard import is_flashing
from pycall.media.testsignals.tones import BEEP_HZ, melody
from pycall.media.trial import png
from tests.rig import wait_until, write_film

pytestmark = pytest.mark.integration

INSIDE: Region = (0, 20, 320, 180)
"""Where a picture of 16:9 lies in one of 320x220."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.5 s of test card (flashing at 0 and 1 s) and test tones (beeping at 0 and 1 s)."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_film(path, melody()[: SAMPLE_RATE * 3 // 2], (640, 360), 30)
    return path


def played(camera: Spec, microphone: Spec, seconds: float) -> tuple[list[Picture], list[Sound]]:
    sources = open_sources(camera, microphone, size=(320, 220), fps=30, notice=lambda *_: None)
    readers = [each.feed.subscribe(1000) for each in (sources.video, sources.audio) if each]
    pictures: list[Picture] = []
    sounds: list[Sound] = []

    def enough() -> bool:
        for reader in readers:
            while (item := reader.get(0)) is not None:
                (pictures if isinstance(item, Picture) else sounds).append(item)  # type: ignore[arg-type]
        return all(line[-1].time - line[0].time > seconds if line else False for line in wanted)

    wanted = [line for line, source in ((pictures, sources.video), (sounds, sources.audio)) if source]
    try:
        wait_until(enough)
    finally:
        for source in (sources.video, sources.audio):
            if source:
                source.close()
    return pictures, sounds


def test_a_film_is_played_in_real_time_and_over_again_with_its_sound_in_sync(film: Path) -> None:
    pictures, sounds = played(File(film), File(film), 4.0)
    read = [read_strip(picture.frame, INSIDE) for picture in pictures]
    numbers = [each[0] for each in read if each]
    assert len(numbers) > 0.9 * len(pictures)
    starts = [n for n, (earlier, later) in enumerate(pairwise(numbers)) if later < earlier]
    assert len(starts) >= 2, "it begins again"
    for earlier, later in pairwise(sounds):
        assert later.time - earlier.time == pytest.approx(BLOCK / SAMPLE_RATE, abs=1e-6)
    flashes = onsets([is_flashing(picture.frame, INSIDE) for picture in pictures], [p.time for p in pictures])
    beeps = onsets([beeping(sound) for sound in sounds], [sound.time for sound in sounds])
    assert len(flashes) >= 4
    for flash in flashes[1:-1]:
        assert min(abs(flash - beep) for beep in beeps) < 0.05


def test_a_round_is_as_long_as_the_longer_of_its_two_sides(tmp_path: Path) -> None:
    """The same film, whether only its picture, only its sound or both are sent."""
    path = tmp_path / "film.mkv"
    write_film(path, melody()[:SAMPLE_RATE], (320, 180), 30)
    pictures, sounds = played(File(path), File(path), 3.0)
    numbers = [each[0] for picture in pictures if (each := read_strip(picture.frame, INSIDE))]
    begins = [p.time for p, n in zip(pictures, numbers, strict=False) if n == 0]
    assert begins[1] - begins[0] == pytest.approx(1.0, abs=0.05)
    assert sounds[-1].time - sounds[0].time > 2.5


def test_only_the_sound_of_a_film(film: Path) -> None:
    pictures, sounds = played(Off(), File(film), 2.0)
    assert pictures == []
    heard = np.concatenate([sound.samples for sound in sounds]).astype(float)
    assert np.sqrt((heard**2).mean()) > 500


def test_only_the_picture_of_a_film(film: Path) -> None:
    pictures, sounds = played(File(film), Off(), 1.0)
    assert sounds == []
    assert len(pictures) > 20


def test_sound_that_begins_late_is_silence_before(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    samples = np.concatenate([np.zeros(SAMPLE_RATE, np.int16), melody()[: SAMPLE_RATE // 2]])
    write_film(path, samples, (320, 180), 30)
    late = tmp_path / "late2.mkv"
    with av.open(str(path)) as source, av.open(str(late), "w") as target:
        streams = {each: target.add_stream_from_template(each) for each in source.streams}
        for packet in source.demux():
            early = packet.pts is None or packet.pts * packet.time_base < 1
            if packet.pts is None or (early and packet.stream.type == "audio"):
                continue
            packet.stream = streams[packet.stream]
            target.mux(packet)
    _, sounds = played(File(late), File(late), 1.4)
    for earlier, later in pairwise(sounds):
        assert later.time - earlier.time == pytest.approx(BLOCK / SAMPLE_RATE, abs=1e-6)
    loud = [sound.time - sounds[0].time for sound in sounds if np.abs(sound.samples).max() > 500]
    assert loud[0] == pytest.approx(1.0, abs=0.05)


def test_a_photograph_is_a_film_of_one_picture(tmp_path: Path, film: Path) -> None:
    photograph = tmp_path / "photograph.png"
    with av.open(str(film)) as container:
        photograph.write_bytes(png(next(container.decode(video=0))))
    pictures, _ = played(File(photograph), Off(), 1.5)
    assert len(pictures) <= 4
    assert read_strip(pictures[0].frame, INSIDE) == (0, 0)


def test_a_film_without_sound_is_no_microphone(tmp_path: Path, film: Path) -> None:
    silent = tmp_path / "silent.mp4"
    with av.open(str(film)) as source, av.open(str(silent), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    with pytest.raises(DeviceFailed, match=r"There is no sound in silent\.mp4\."):
        open_sources(Off(), File(silent), size=(320, 220), fps=30, notice=lambda *_: None)
    with pytest.raises(DeviceFailed, match="no sound"):
        open_sources(File(silent), File(silent), size=(320, 220), fps=30, notice=lambda *_: None)
    pictures, _ = played(File(silent), Off(), 0.5)
    assert pictures


def test_a_song_is_no_camera(speech_wav: Path) -> None:
    with pytest.raises(DeviceFailed, match=r"There is no picture in speech\.wav\."):
        open_sources(File(speech_wav), Off(), size=(320, 220), fps=30, notice=lambda *_: None)


@pytest.mark.parametrize(
    ("content", "error"), [(None, DeviceNotFound), (b"", DeviceFailed), (b"text", DeviceFailed)]
)
def test_a_file_that_cannot_be_played_is_one_sentence(
    tmp_path: Path, content: bytes | None, error: type[MediaError]
) -> None:
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as failed:
        open_sources(File(path), Off(), size=(320, 220), fps=30, notice=lambda *_: None)
    assert "film.mp4" in failed.value.message
    assert failed.value.message.endswith(".")


def test_a_folder_is_no_film(tmp_path: Path) -> None:
    with pytest.raises(DeviceFailed):
        open_sources(File(tmp_path), Off(), size=(320, 220), fps=30, notice=lambda *_: None)


def test_a_file_that_vanishes_is_said_and_played_again_when_it_is_back(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RETRY_S", 0.05)
    path = tmp_path / "film.mp4"
    path.symlink_to(film)
    notices: list[str] = []
    player = Player(
        File(path),
        pictures=True,
        sound=False,
        size=(320, 220),
        fps=30,
        notice=lambda code, _: notices.append(code),
    )
    assert player.video is not None
    player.start()
    try:
        path.unlink()
        wait_until(lambda: notices == ["camera-lost"])
        path.symlink_to(film)
        wait_until(lambda: notices == ["camera-lost", "camera-back"])
    finally:
        player.video.close()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    """A web server with a film on it."""
    write_film(tmp_path / "film.mkv", melody()[:SAMPLE_RATE], (320, 180), 30)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://user:secret@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_stream_from_the_web_is_opened_again_when_it_ends(
    web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RETRY_S", 0.05)
    notices: list[tuple[str, str]] = []
    url = Url(f"{web}/film.mkv")
    sources = open_sources(url, url, size=(320, 220), fps=30, notice=lambda *notice: notices.append(notice))
    assert sources.video is not None
    assert sources.audio is not None
    reader = sources.audio.feed.subscribe()
    try:
        wait_until(lambda: [code for code, _ in notices] == ["camera-lost", "camera-back"])
        assert reader.get(5) is not None
    finally:
        sources.video.close()
        sources.audio.close()
    assert "ended" in notices[0][1]
    assert "secret" not in str(notices) + sources.video.label


def test_a_stream_that_is_not_there_is_one_sentence(web: str) -> None:
    with pytest.raises(
        DeviceFailed, match=r"The stream http://127\.0\.0\.1:\d+/nothing cannot be read"
    ) as failed:
        open_sources(Url(f"{web}/nothing"), Off(), size=(320, 220), fps=30, notice=lambda *_: None)
    assert "secret" not in failed.value.message


def beeping(sound: Sound) -> bool:
    spectrum = np.abs(np.fft.rfft(sound.samples))
    return bool(spectrum[int(BEEP_HZ / 50)] > 0.5 * spectrum.max() and np.abs(sound.samples).max() > 2000)


def onsets(states: list[bool], times: list[float]) -> list[float]:
    return [
        time for (before, now), time in zip(pairwise(states), times[1:], strict=True) if now and not before
    ]
