"""Header parsing: right on what encoders write, and nothing but our errors on anything else."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.unit import functions_support as support

errors = support.common("errors")
images = support.common("images")


def header(content: bytes):
    return images.read_header(lambda start, length: content[start : start + length], len(content))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16", "1"])
def test_png_as_written_by_an_encoder(mode):
    body = io.BytesIO()
    Image.new(mode, (37, 21)).save(body, "PNG")
    assert header(body.getvalue()) == ("png", 37, 21)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"exif": b"Exif\0\0" + b"x" * 60000}])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_as_written_by_an_encoder(mode, options):
    body = io.BytesIO()
    Image.new(mode, (37, 21)).save(body, "JPEG", **options)
    assert header(body.getvalue()) == ("jpeg", 37, 21)


def test_metadata_in_front_of_the_frame_is_stepped_over_without_reading_it():
    asked = []

    def read(start: int, length: int) -> bytes:
        asked.append(length)
        return content[start : start + length]

    content = support.jpeg(640, 480, metadata=900_000)
    assert images.read_header(read, len(content)) == ("jpeg", 640, 480)
    assert len(asked) <= images.MAX_PIECES
    assert max(asked) <= images.PIECE_BYTES


def test_metadata_without_end_is_refused_after_a_bounded_number_of_reads():
    with pytest.raises(errors.UnsupportedImage, match="dimensions are not within"):
        header(support.jpeg(metadata=65_000 * (images.MAX_PIECES * 3)))


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"", errors.TruncatedImage, "empty"),
        (b"\x89PN", errors.TruncatedImage, "signature"),
        (b"\xff\xd8", errors.TruncatedImage, "signature"),
        (support.png()[:20], errors.TruncatedImage, "inside the image's header"),
        (support.png()[:-12], errors.TruncatedImage, "png end marker"),
        (support.jpeg()[:-2], errors.TruncatedImage, "jpeg end marker"),
        (support.jpeg()[:9], errors.TruncatedImage, "inside the image's header"),
        (b"GIF89a" + b"\0" * 40, errors.UnsupportedImage, "GIF"),
        (b"RIFF\0\0\0\0WEBPVP8 ", errors.UnsupportedImage, "WebP"),
        (b"%PDF-1.7 and so on", errors.UnsupportedImage, "PDF"),
        (b"<html></html>", errors.UnsupportedImage, "HTML"),
        (b"plain text, no image", errors.UnsupportedImage, "unknown format"),
        (support.png(0, 3), errors.UnsupportedImage, "0x3"),
        (support.png(depth=3), errors.UnsupportedImage, "not in the standard"),
        (support.png().replace(b"IHDR", b"JUNK"), errors.UnsupportedImage, "IHDR"),
        (support.png()[:20] + b"\7" + support.png()[21:], errors.UnsupportedImage, "checksum"),
        (support.jpeg(frame=0xC3), errors.UnsupportedImage, "lossless"),
        (support.jpeg(width=0), errors.UnsupportedImage, "0x3"),
        (support.jpeg(components=2), errors.UnsupportedImage, "2 components"),
        (b"\xff\xd8\xff\xda\x00\x08" + b"\0" * 20, errors.UnsupportedImage, "no frame header"),
        (b"\xff\xd8\xff\xe0\x00\x01" + b"\0" * 20, errors.UnsupportedImage, "shorter than its own length"),
        (b"\xff\xd8\xff\xe0\x00\x04abno marker here", errors.UnsupportedImage, "no JPEG marker"),
    ],
)
def test_what_is_no_image_is_named(content, error, says):
    with pytest.raises(error, match=says):
        header(content)


@settings(max_examples=10 * settings.default.max_examples)  # a parser of anybody's bytes; microseconds each
@given(
    st.one_of(
        st.binary(max_size=600),
        st.binary(max_size=300).map(lambda tail: b"\x89PNG\r\n\x1a\n" + tail),
        st.binary(max_size=300).map(lambda tail: b"\xff\xd8\xff" + tail),
    )
)
@example(b"\xff\xd8" + b"\xff" * 200_000)
def test_no_bytes_make_the_parser_fail_otherwise_than_with_our_errors(content):
    try:
        found = header(content)
    except (errors.UnsupportedImage, errors.TruncatedImage):
        return
    assert found.width > 0
    assert found.height > 0


@settings(max_examples=10 * settings.default.max_examples)
@given(data=st.data())
def test_a_damaged_image_is_read_or_refused_but_never_misread_as_larger_than_its_fields(data):
    content = bytearray(data.draw(st.sampled_from([support.png(9, 7), support.jpeg(9, 7, metadata=300)])))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=6)):
        content[position] = data.draw(st.integers(0, 255))
    try:
        found = header(bytes(content))
    except (errors.UnsupportedImage, errors.TruncatedImage):
        return
    packed = struct.pack(">II", found.width, found.height), struct.pack(">HH", found.height, found.width)
    assert packed[found.format == "jpeg"] in bytes(content)


@given(st.integers(1, 60))
def test_every_cut_of_an_image_is_found(cut):
    for content in (support.png(), support.jpeg()):
        if cut < len(content):
            with pytest.raises(errors.TruncatedImage):
                header(content[:-cut])
