"""Image files as examples: what they become, and every way in which a file can be wrong."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxlearn import data


@pytest.fixture
def save(tmp_path):
    """`save(image)` writes an image of Pillow, or bytes, and gives the path."""

    def write(image, name="picture.png", **options):
        path = tmp_path / name
        if isinstance(image, bytes):
            path.write_bytes(image)
        else:
            image.save(path, **options)
        return path

    return write


def noise(*shape):
    """Any pixels, but a border of 0."""
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    pixels[0] = pixels[-1] = pixels[:, 0] = pixels[:, -1] = 0
    return pixels


def test_an_image_of_mnist_comes_back_byte_for_byte(save, data_folder):
    images = data.load("mnist", data_folder("mnist")).test.images
    for image in images[:20]:
        picture = data.read_picture(save(Image.fromarray(image[..., 0])), (28, 28, 1))
        assert picture.image.dtype == np.uint8
        assert np.array_equal(picture.image, image)
        assert picture.inverted is False


@pytest.mark.parametrize(
    "name", ["a.png", "a.gif", "a.bmp", "a.webp", "a.tiff", "a.ppm", "a.PNG", "no suffix"]
)
def test_pixels_stay_as_they_are_in_every_format_that_keeps_them(name, save):
    image_format = "PNG" if "." not in name else None
    options = {"lossless": True} if name == "a.webp" else {}
    grey, colour = noise(9, 7), noise(9, 7, 3)
    path = save(Image.fromarray(grey), name, format=image_format, **options)
    assert np.array_equal(data.read_picture(path, (9, 7, 1)).image, grey[..., None])
    if name != "a.gif":  # has 256 colours
        path = save(Image.fromarray(colour), name, format=image_format, **options)
        assert np.array_equal(data.read_picture(path, (9, 7, 3)).image, colour)


def test_a_bright_background_is_inverted_for_one_channel_alone(save):
    image = 255 - noise(8, 8)
    path = save(Image.fromarray(image))
    assert data.read_picture(path, (8, 8, 1)).inverted is True
    assert np.array_equal(data.read_picture(path, (8, 8, 1)).image, noise(8, 8)[..., None])
    picture = data.read_picture(str(path), (8, 8, 3))
    assert picture.inverted is False
    assert np.array_equal(picture.image, np.stack([image] * 3, axis=-1))


@pytest.mark.parametrize("side", [(0,), (-1,), (slice(None), 0), (slice(None), -1)])
@pytest.mark.parametrize(("border", "inverted"), [(127, False), (128, True)])
def test_the_median_of_all_the_border_decides(border, inverted, side, save):
    image = np.full((9, 9), 255 - border, np.uint8)
    image[0] = image[-1] = image[:, 0] = image[:, -1] = border
    image[side] = 0 if inverted else 255
    assert data.read_picture(save(Image.fromarray(image)), (9, 9, 1)).inverted == inverted


def test_another_shape_is_filled_up_with_the_background(save):
    image = Image.new("RGB", (60, 20), (10, 20, 30))
    image.paste((250, 0, 250), (20, 5, 40, 15))
    picture = data.read_picture(save(image), (30, 30, 3)).image
    assert (picture[[0, 9, 20, 29]] == [10, 20, 30]).all()  # 30 x 10 pixels of the image in the middle
    assert np.abs(picture[15, [13, 16]] - [250.0, 0, 250]).max() < 10
    assert np.abs(picture[15, [2, 27]] - [10.0, 20, 30]).max() < 10
    tall = data.read_picture(save(image.transpose(Image.Transpose.TRANSPOSE)), (30, 30, 3)).image
    assert np.array_equal(tall, picture.transpose(1, 0, 2))


def test_a_black_digit_on_paper_becomes_a_white_one_on_black(save):
    paper = Image.new("L", (200, 100), 240)
    paper.paste(20, (90, 20, 110, 80))
    image = data.read_picture(save(paper, "paper.jpg", quality=95), (28, 28, 1)).image[..., 0]
    assert (image[:7] < 20).all()
    assert (image[-7:] < 20).all()
    assert (image[10:18, 13:15] > 230).all()
    assert (image[:, :9] < 40).all()


def test_small_images_are_made_larger(save):
    image = data.read_picture(save(Image.fromarray(noise(4, 4))), (28, 28, 1)).image
    assert image.shape == (28, 28, 1)
    assert image[10:18, 10:18].max() > 100


def test_an_image_is_turned_as_its_camera_says(save):
    image = Image.fromarray(noise(6, 8, 3))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    turned = data.read_picture(save(image, exif=exif), (8, 6, 3)).image
    assert np.array_equal(turned, np.rot90(noise(6, 8, 3), -1))


def test_broken_exif_data_are_no_reason_to_refuse_an_image(save):
    exif = Image.Exif()
    exif[0x010E] = "a description"
    path = save(Image.fromarray(noise(6, 8, 3)), exif=exif.tobytes()[:-8])
    with pytest.warns(UserWarning, match="Truncated File Read"), Image.open(path) as image:
        image.getexif()
    assert np.array_equal(data.read_picture(path, (6, 8, 3)).image, noise(6, 8, 3))


def test_what_is_transparent_is_white(save):
    colour = np.zeros((6, 6, 4), np.uint8)
    colour[2:4, 2:4] = (100, 100, 100, 255)
    colour[2, 2, 3] = 51  # a fifth of the grey, four fifths of white
    image = data.read_picture(save(Image.fromarray(colour)), (6, 6, 3)).image
    assert (image[0] == 255).all()
    assert (image[3, 3] == 100).all()
    assert (image[2, 2] == 224).all()
    grey = data.read_picture(save(Image.fromarray(colour).convert("LA")), (6, 6, 1))
    assert grey.inverted
    assert grey.image[0, 0] == 0
    assert grey.image[3, 3] == 155
    palette = Image.fromarray(np.array([[0, 1], [1, 1]], np.uint8))
    palette.putpalette([0, 0, 0, 9, 9, 9])
    image = data.read_picture(save(palette, transparency=0), (2, 2, 3)).image
    assert image[..., 0].tolist() == [[255, 9], [9, 9]]


def test_sixteen_bits_are_not_cut_off(save):
    grey = noise(5, 5)
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    for name in ("a.png", "a.tiff", "a.ppm"):
        assert np.array_equal(data.read_picture(save(wide, name), (5, 5, 1)).image, grey[..., None])


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "LA", "RGBA", "RGBX"])
def test_every_mode(mode, save):
    image = Image.new(mode, (6, 6)) if mode == "LAB" else Image.new("RGB", (6, 6), "red").convert(mode)
    path = save(image, "a.png" if mode in ("1", "L", "P", "LA", "RGBA") else "a.tiff")
    picture = data.read_picture(path, (6, 6, 3)).image
    assert picture.shape == (6, 6, 3)
    if mode in ("P", "CMYK", "YCbCr", "RGBA", "RGBX"):
        assert np.abs(picture - [255.0, 0, 0]).max() < 3


def png_of(width, height):
    """A small PNG whose header says that it is this large."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    end = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + end


FAULTS = {
    "empty": (b"", "is no image, or none of PNG, JPEG"),
    "text": (b"<html>404</html>", "is no image, or none of PNG, JPEG"),
    "another kind": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no image, or none of"),
    "a header alone": (png_of(9, 9), "cannot be read as an image: "),
    "too large": (png_of(10_000, 10_000), "has more pixels than are read, 89,478,485"),
    "far too large": (png_of(2**31 - 1, 2**31 - 1), "has more pixels than are read, 89,478,485"),
    "no pixels": (png_of(0, 9), "is no image|cannot be read as an image"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_file_is_told(fault, save):
    wrong, message = FAULTS[fault]
    check_told(save(wrong), message)


def check_told(path, message):
    with pytest.raises(data.DataError, match=message) as caught:
        data.read_picture(path, (28, 28, 1))
    assert str(caught.value).startswith(f"{path} ")
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    check_told(tmp_path / "nothing.png", "is missing: an image file is needed")
    check_told(tmp_path, "is no file: an image file is needed")
    check_told(tmp_path / "pipe", "is no file: an image file is needed")


def test_pixels_that_are_no_whole_numbers_are_told(save):
    check_told(save(Image.new("F", (9, 9)), "a.tiff"), "its pixels are not whole numbers")


def test_an_image_of_which_nothing_would_remain_is_told(save):
    check_told(save(Image.new("L", (1, 57))), "is too narrow for 28 x 28 pixels: it has 1 x 57")
    assert data.read_picture(save(Image.new("L", (1, 55))), (28, 28, 1)).image.shape == (28, 28, 1)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 2), (28, 28, 4), ()])
def test_shapes_that_cannot_be_had_are_told(shape, save):
    with pytest.raises(ValueError, match=r"shape must be \(height, width, 1\) or"):
        data.read_picture(save(Image.new("L", (9, 9))), shape)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tiff", "a.webp", "a.ppm"])
def test_a_cut_file_is_told(name, save):
    whole = save(Image.fromarray(noise(40, 40, 3)), name).read_bytes()
    for end in [0, 1, 10, len(whole) // 3, len(whole) // 2, len(whole) * 3 // 4]:
        check_told(save(whole[:end], name), "is no image|cannot be read as an image")


@pytest.mark.parametrize("inputs", [40, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.tiff", "a.webp", "a.ppm"])
def test_changed_files_are_images_or_told(name, inputs, save, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)  # so that those with a wrong size are soon done
    whole = save(Image.fromarray(noise(20, 20, 3)), name).read_bytes()
    random = np.random.default_rng(0)
    errors = []
    for _ in range(inputs):
        changed = bytearray(whole)
        reach = random.choice([30, 200, len(whole)])
        for place in random.integers(min(reach, len(whole)), size=random.integers(1, 5)):
            changed[place] = random.integers(256)
        path = save(bytes(changed[: random.choice([len(whole), random.integers(len(whole))])]), name)
        try:
            assert data.read_picture(path, (28, 28, 1)).image.shape == (28, 28, 1)
        except data.DataError as error:
            errors.append(str(error))
    assert all(error.startswith(f"{path} ") and "\n" not in error for error in errors)
    assert len(errors) > inputs / 4
