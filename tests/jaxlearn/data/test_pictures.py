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


def stroke(height, width):
    """A bar as a digit of MNIST: bright on black, 20 of 28 rows, 4 of 28 columns, in the middle."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[height // 7 : height - height // 7, width // 2 - width // 14 : width // 2 + width // 14] = 255
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
    image = 255 - stroke(28, 28)
    path = save(Image.fromarray(image))
    picture = data.read_picture(path, (28, 28, 1))
    assert picture.inverted is True
    assert np.abs(picture.image[..., 0] - stroke(28, 28).astype(int)).max() <= 1
    picture = data.read_picture(str(path), (28, 28, 3))
    assert picture.inverted is False
    assert np.array_equal(picture.image, np.stack([image] * 3, axis=-1))


@pytest.mark.parametrize("side", [0, 1, 2, 3])
@pytest.mark.parametrize("paper", [0, 60, 127, 128, 200, 255])
def test_paper_is_what_most_of_the_border_shows(paper, side, save):
    """Whatever its brightness is, and although ink reaches over one side and fills half of the rest."""
    ink = 255 if paper < 128 else 0
    image = np.full((40, 40), paper, np.uint8)
    image[0:22, 4:36] = ink
    picture = data.read_picture(save(Image.fromarray(np.rot90(image, side))), (28, 28, 1))
    assert picture.inverted == (ink < paper)
    assert picture.image[14, 14] == 255
    assert not picture.image[[0, -1]].any()


def test_another_shape_is_filled_up_with_the_background(save):
    image = Image.new("RGB", (60, 20), (10, 20, 30))
    image.paste((250, 0, 250), (20, 5, 40, 15))
    picture = data.read_picture(save(image), (30, 30, 3)).image
    assert (picture[[0, 9, 20, 29]] == [10, 20, 30]).all()  # 30 x 10 pixels of the image in the middle
    assert np.abs(picture[15, [13, 16]] - [250.0, 0, 250]).max() < 10
    assert np.abs(picture[15, [2, 27]] - [10.0, 20, 30]).max() < 10
    tall = data.read_picture(save(image.transpose(Image.Transpose.TRANSPOSE)), (30, 30, 3)).image
    assert np.array_equal(tall, picture.transpose(1, 0, 2))


def test_ink_gets_the_box_and_the_place_of_the_digits_of_mnist(save):
    paper = Image.new("L", (200, 100), 240)
    paper.paste(20, (130, 20, 150, 80))
    image = data.read_picture(save(paper, "paper.jpg", quality=95), (28, 28, 1)).image[..., 0]
    rows, columns = np.nonzero(image > 127)
    assert rows.min() in (4, 5)
    assert np.ptp(rows) + 1 == 20
    assert 5 <= np.ptp(columns) <= 6  # a third of it: 6.7
    assert np.average(np.arange(28), weights=image.sum(axis=0)) == pytest.approx(14, abs=0.51)
    assert (image[6:22, 12:16] > 250).all()
    assert not image[:, :8].any()
    wide = data.read_picture(save(paper), (40, 80, 1)).image[..., 0]
    assert np.ptp(np.nonzero(wide > 127)[0]) == pytest.approx(40 * 5 / 7, abs=1.5)


def test_small_images_are_made_larger(save):
    image = data.read_picture(save(Image.fromarray(stroke(14, 14))), (28, 28, 1)).image[..., 0]
    assert np.abs(image - stroke(28, 28).astype(float)).mean() < 8


@pytest.mark.parametrize("shift", [(0, 4), (-3, -3)])
def test_what_is_out_of_place_is_put_into_it(shift, save):
    image = np.roll(stroke(28, 28), shift, axis=(0, 1))
    picture = data.read_picture(save(Image.fromarray(image)), (28, 28, 1)).image[..., 0]
    assert np.abs(picture - stroke(28, 28).astype(int)).max() <= 1


def test_examples_of_other_sets_come_back_byte_for_byte(save, data_folder):
    """They fill their images: Fashion-MNIST's 28 x 28 pixels and the 8 x 8 of scikit-learn's digits."""
    for images in data.load("fashion_mnist", data_folder("fashion_mnist")).test.images, digits().images:
        for image in images[:20]:
            picture = data.read_picture(save(Image.fromarray(image[..., 0])), image.shape)
            assert np.array_equal(picture.image, image)


def test_ink_fills_the_box_that_is_asked_for(save):
    page = np.full((60, 80), 220, np.uint8)
    page[10:30, 50:60] = 30
    for box in (0.5, 20 / 28, 1):
        image = data.read_picture(save(Image.fromarray(page)), (28, 28, 1), box).image[..., 0]
        rows, columns = np.nonzero(image > 127)
        assert np.ptp(rows) + 1 == pytest.approx(28 * box, abs=1)
        assert np.ptp(columns) + 1 == pytest.approx(14 * box, abs=1)


@pytest.mark.parametrize("box", [0, -1, 1.1, float("nan")])
def test_a_box_that_cannot_be_had_is_told(box, save):
    with pytest.raises(ValueError, match="box must be above 0 and at most 1, got"):
        data.read_picture(save(Image.new("L", (9, 9))), (28, 28, 1), box)


def test_photographs_of_digits_that_fill_their_images_are_read(save):
    """By their nearest neighbour: 0.925 of them, as against 0.975 of the digits, and 0.275 in MNIST's box."""
    known, shown = data.load("digits").train, digits()

    def answer(image):
        page = np.pad(220 - image[..., 0] * 0.7, 30, constant_values=220).astype(np.uint8)
        got = data.read_picture(save(Image.fromarray(page)), (28, 28, 1), box=1).image
        return known.labels[np.square(known.images.astype(float) - got).sum(axis=(1, 2, 3)).argmin()]

    assert np.mean([answer(image) for image in shown.images[:40]] == shown.labels[:40]) >= 0.9


@pytest.mark.parametrize("width", [4, 6])
def test_strokes_of_a_narrow_picture_are_no_uneven_light(width, save):
    page = np.full((20, width), 220, np.uint8)
    page[:, width // 2 - 1 : width // 2 + 1] = 40
    picture = data.read_picture(save(Image.fromarray(page)), (28, 28, 1))
    assert picture.inverted
    assert np.abs(picture.image[4:24, 13:15] - 255.0).max() < 30
    assert not picture.image[:, :11].any()


def digits():
    return data.load("digits").test


@pytest.mark.parametrize(
    "pixels", ["empty", "even", "uneven", "lens", "lamp", "grain", "almost even", "one colour", "clear"]
)
def test_a_picture_without_contrast_is_told(pixels, save):
    random = np.random.default_rng(0)
    radius = np.square(np.linspace(-1, 1, 90))[:, None] + np.square(np.linspace(-1, 1, 90))
    pages = {
        "lens": 90 + 130 / (1 + radius / 2) ** 4 + random.normal(0, 3, (90, 90)),
        "lamp": 120 + 100 * np.exp(-radius * 5) + random.normal(0, 3, (90, 90)),
        "empty": np.zeros((28, 28)),
        "even": np.full((50, 40), 213.0),
        "uneven": np.linspace(100, 240, 90)[:, None] + np.linspace(0, 15, 60),
        "grain": random.normal(180, 20, (90, 90)),
        "almost even": random.integers(200, 203, (90, 90)),
        "one colour": np.full((9, 9, 3), (200, 30, 30)),
        "clear": np.concatenate([random.integers(0, 256, (9, 9, 3)), np.zeros((9, 9, 1))], axis=-1),
    }
    check_told(
        save(Image.fromarray(pages[pixels].round().astype(np.uint8))), "shows nothing: no ink stands out"
    )


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
    palette = Image.fromarray(np.array([[0, 1], [1, 1]], np.uint8))
    palette.putpalette([0, 0, 0, 9, 9, 9])
    image = data.read_picture(save(palette, transparency=0), (2, 2, 3)).image
    assert image[..., 0].tolist() == [[255, 9], [9, 9]]


@pytest.mark.parametrize("ink", [0, 100, 255])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_ink_on_transparency_may_have_any_colour(mode, ink, save):
    colour = np.full((28, 28, 4), ink, np.uint8)
    colour[..., 3] = stroke(28, 28)
    picture = data.read_picture(save(Image.fromarray(colour).convert(mode)), (28, 28, 1))
    assert picture.inverted
    assert np.abs(picture.image[..., 0] - stroke(28, 28).astype(int)).max() <= 1


@pytest.mark.parametrize(("paper", "ink"), [(255, 0), (0, 255)])
def test_a_card_with_transparent_corners_keeps_its_own_paper(paper, ink, save):
    colour = np.full((56, 56, 4), paper, np.uint8)
    colour[..., :3][stroke(56, 56) > 0] = ink
    colour[..., 3] = 255
    colour[:8, :8, 3] = colour[-8:, -8:, 3] = 0
    picture = data.read_picture(save(Image.fromarray(colour)), (28, 28, 1))
    assert picture.inverted == (ink < paper)
    assert np.abs(picture.image[..., 0] - stroke(28, 28).astype(float)).mean() < 3


def test_colours_of_the_same_brightness_are_told_apart(save):
    colour = np.full((28, 28, 3), (0, 130, 0), np.uint8)
    colour[stroke(28, 28) > 0] = (255, 0, 0)
    assert np.ptp(np.asarray(Image.fromarray(colour).convert("L"))) < 2
    image = data.read_picture(save(Image.fromarray(colour)), (28, 28, 1)).image[..., 0]
    assert np.abs(image - stroke(28, 28).astype(int)).max() <= 1


def test_sixteen_bits_are_not_cut_off(save):
    grey = noise(12, 12)
    grey[1, 1] = 255  # so that they go from 0 to 255
    wide = Image.fromarray(grey.astype(np.uint16) * 257)
    for name in ("a.png", "a.tiff", "a.ppm"):
        assert np.array_equal(data.read_picture(save(wide, name), (12, 12, 1)).image, grey[..., None])


@pytest.mark.parametrize(
    ("dtype", "least", "most"), [(np.uint16, 300, 900), (np.int32, 0, 4095), (np.float32, 0.1, 0.8)]
)
def test_dead_pixels_do_not_count(dtype, least, most, save):
    bar = stroke(28, 28)
    wide = (least + (most - least) * (bar / 255)).astype(dtype)
    wide[0, 0], wide[0, 27] = most + 20 * (most - least), least - (least > 0) * least
    got = data.read_picture(save(Image.fromarray(wide), "a.tiff"), (28, 28, 3)).image[..., 1]
    assert (got != bar).sum() <= 2


@pytest.mark.parametrize(
    ("dtype", "least", "most"),
    [(np.uint16, 0, 4095), (np.uint16, 300, 900), (np.int32, 0, 255), (np.int32, -5000, 10**6),
     (np.float32, 0, 1), (np.float32, -3.5, 1e5)],
)  # fmt: skip
def test_more_than_eight_bits_are_scaled_by_the_range_that_there_is(dtype, least, most, save):
    bar = stroke(28, 28)
    wide = Image.fromarray((least + (most - least) * (bar / 255)).astype(dtype))
    assert np.array_equal(data.read_picture(save(wide, "a.tiff"), (28, 28, 1)).image[..., 0], bar)
    assert np.array_equal(data.read_picture(save(wide, "a.tiff"), (28, 28, 3)).image[..., 1], bar)


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


def check_told(path, message, shape=(28, 28, 1)):
    with pytest.raises(data.DataError, match=message) as caught:
        data.read_picture(path, shape)
    assert str(caught.value).startswith(f"{path} ")
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_told(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    check_told(tmp_path / "nothing.png", "is missing: an image file is needed")
    check_told(tmp_path, "is no file: an image file is needed")
    check_told(tmp_path / "pipe", "is no file: an image file is needed")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_told(value, save):
    pixels = stroke(28, 28).astype(np.float32)
    pixels[3, 3] = value
    check_told(save(Image.fromarray(pixels), "a.tiff"), "its pixels are not all finite numbers")


def test_an_image_of_which_nothing_would_remain_is_told(save):
    path = save(Image.new("L", (1, 57)))
    check_told(path, "is too narrow for 28 x 28 pixels: it has 1 x 57", (28, 28, 3))
    assert data.read_picture(save(Image.new("L", (1, 55))), (28, 28, 3)).image.shape == (28, 28, 3)


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
