//! A flat picture made of rectangles and words, written as SVG or as PNG.
//!
//! Both files come from the same list of shapes, so they show the same thing; the SVG stays sharp at any size and the
//! PNG opens everywhere. The PNG is drawn here, because two kinds of shapes take a page: a renderer of SVG (resvg) brings an
//! XML parser, a text shaper and a search for the system's typefaces, which everybody who tries the demo would compile, and
//! with other typefaces draws other pictures.

use ab_glyph::{Font as _, FontRef, Glyph, ScaleFont as _, point};
use anyhow::Context as _;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

/// Pixels of the PNG for each unit of the picture: sharp on high-density screens.
const PNG_SCALE: f32 = 2.0;

/// The two kinds of picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// Pixels; opens everywhere.
    Png,
    /// Shapes; sharp at any size.
    Svg,
}

impl PictureKind {
    /// The kind that `path`'s ending asks for.
    ///
    /// # Errors
    /// If the ending is neither .png nor .svg.
    pub fn of_path(path: &Path) -> anyhow::Result<Self> {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("png") => Ok(Self::Png),
            Some("svg") => Ok(Self::Svg),
            _ => anyhow::bail!(
                "{}: a piano roll's name must end in .png or .svg",
                path.display()
            ),
        }
    }

    /// The ending of a file of this kind, without the dot.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Svg => "svg",
        }
    }
}

/// An opaque colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(
    /// Red.
    pub u8,
    /// Green.
    pub u8,
    /// Blue.
    pub u8,
);

impl Colour {
    /// Behind everything.
    pub const BACKGROUND: Self = Self(12, 14, 18);
    /// The line between two bars.
    pub const BAR_LINE: Self = Self(104, 114, 134);
    /// Titles and names.
    pub const WORDS: Self = Self(233, 236, 244);
    /// Numbers of bars and explanations.
    const QUIET_WORDS: Self = Self(148, 157, 178);

    /// The colour `amount` of the way from this one to `other`; `amount` is clipped to 0–1.
    #[must_use]
    pub fn towards(self, other: Self, amount: f32) -> Self {
        let amount = amount.clamp(0.0, 1.0);
        let blend = |from: u8, to: u8| {
            let value = f32::from(from) + (f32::from(to) - f32::from(from)) * amount;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between two bytes"
            )]
            let byte = value.round() as u8;
            byte
        };
        Self(
            blend(self.0, other.0),
            blend(self.1, other.1),
            blend(self.2, other.2),
        )
    }
}

/// Which end of a line of words its `x` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// `x` is the left end.
    Start,
    /// `x` is the right end.
    End,
}

/// One thing in a [`Picture`]; lengths are in picture units, y grows downwards.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A filled rectangle with its upper left corner at (`x`, `y`).
    Rectangle {
        /// Its left side.
        x: f32,
        /// Its upper side.
        y: f32,
        /// From left to right.
        width: f32,
        /// From the upper side to the lower.
        height: f32,
        /// What it is filled with.
        colour: Colour,
    },
    /// A line of words standing on `baseline`; `size` is the type's em.
    Words {
        /// Where it begins or ends.
        x: f32,
        /// What it stands on.
        baseline: f32,
        /// The type's em.
        size: f32,
        /// Which end `x` is.
        anchor: Anchor,
        /// Of the type.
        colour: Colour,
        /// What it says.
        text: String,
    },
}

impl Shape {
    /// A filled rectangle; see [`Self::Rectangle`].
    #[must_use]
    pub fn rectangle(x: f32, y: f32, width: f32, height: f32, colour: Colour) -> Self {
        Self::Rectangle {
            x,
            y,
            width,
            height,
            colour,
        }
    }

    /// A line of words; see [`Self::Words`].
    #[must_use]
    pub fn words(
        x: f32,
        baseline: f32,
        size: f32,
        anchor: Anchor,
        colour: Colour,
        text: &str,
    ) -> Self {
        Self::Words {
            x,
            baseline,
            size,
            anchor,
            colour,
            text: text.to_owned(),
        }
    }

    /// What a picture is called, above it.
    #[must_use]
    pub fn title(x: f32, text: &str) -> Self {
        Self::words(x, 38.0, 19.0, Anchor::Start, Colour::WORDS, text)
    }

    /// A name, a number or an explanation, in quiet words.
    #[must_use]
    pub fn label(x: f32, baseline: f32, size: f32, anchor: Anchor, text: &str) -> Self {
        Self::words(x, baseline, size, anchor, Colour::QUIET_WORDS, text)
    }
}

/// A count of bars, steps or cells as a length.
#[must_use]
pub fn length(count: usize) -> f32 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a picture has far fewer than 2^24 of anything"
    )]
    let length = count as f32;
    length
}

/// Shapes on a rectangle of one colour, later ones above earlier ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Width in picture units.
    pub width: f32,
    /// Height in picture units.
    pub height: f32,
    /// What is behind everything.
    pub background: Colour,
    /// The shapes, furthest back first.
    pub shapes: Vec<Shape>,
}

impl Picture {
    /// The picture's file.
    ///
    /// # Errors
    /// If the PNG encoder refuses the picture's size.
    pub fn encode(&self, kind: PictureKind) -> anyhow::Result<Vec<u8>> {
        match kind {
            PictureKind::Png => self.to_png(),
            PictureKind::Svg => Ok(self.to_svg().into_bytes()),
        }
    }

    /// The picture as an SVG document.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let (width, height) = (self.width, self.height);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Ubuntu, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif\">\n"
        );
        let background = Shape::Rectangle {
            x: 0.0,
            y: 0.0,
            width,
            height,
            colour: self.background,
        };
        for shape in std::iter::once(&background).chain(&self.shapes) {
            // Writing to a String cannot fail.
            let _ = match shape {
                Shape::Rectangle {
                    x,
                    y,
                    width,
                    height,
                    colour,
                } => writeln!(
                    svg,
                    "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{width:.2}\" height=\"{height:.2}\" fill=\"{}\"/>",
                    hex(*colour)
                ),
                Shape::Words {
                    x,
                    baseline,
                    size,
                    anchor,
                    colour,
                    text,
                } => {
                    let anchor = match anchor {
                        Anchor::Start => "start",
                        Anchor::End => "end",
                    };
                    writeln!(
                        svg,
                        "<text x=\"{x:.2}\" y=\"{baseline:.2}\" font-size=\"{size}\" text-anchor=\"{anchor}\" \
                         fill=\"{}\">{}</text>",
                        hex(*colour),
                        escape(text)
                    )
                }
            };
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The picture as the bytes of a PNG file, two pixels to the unit.
    fn to_png(&self) -> anyhow::Result<Vec<u8>> {
        let mut canvas = Canvas::new(
            self.width * PNG_SCALE,
            self.height * PNG_SCALE,
            self.background,
        );
        for shape in &self.shapes {
            match shape {
                Shape::Rectangle {
                    x,
                    y,
                    width,
                    height,
                    colour,
                } => {
                    canvas.fill(
                        [*x, *y, x + width, y + height].map(|units| units * PNG_SCALE),
                        *colour,
                    );
                }
                Shape::Words {
                    x,
                    baseline,
                    size,
                    anchor,
                    colour,
                    text,
                } => canvas.write(
                    text,
                    [x * PNG_SCALE, baseline * PNG_SCALE],
                    size * PNG_SCALE,
                    *anchor,
                    *colour,
                ),
            }
        }
        canvas.encode()
    }
}

/// `colour` as SVG writes it.
fn hex(colour: Colour) -> String {
    format!("#{:02x}{:02x}{:02x}", colour.0, colour.1, colour.2)
}

/// `text` with the characters that mean something in XML replaced, and those that XML does not allow left out.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !character.is_control()) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Pixels in memory, three bytes each, row by row.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    /// A canvas of one colour, its sides rounded up to whole pixels.
    fn new(width: f32, height: f32, background: Colour) -> Self {
        let (width, height) = (pixel(width.ceil()), pixel(height.ceil()));
        let pixels = [background.0, background.1, background.2].repeat(width * height);
        Self {
            width,
            height,
            pixels,
        }
    }

    /// Fills the rectangle [left, top, right, bottom] (in pixels); a pixel that it covers in part is mixed.
    fn fill(&mut self, [left, top, right, bottom]: [f32; 4], colour: Colour) {
        for (row, covered_height) in coverage(top, bottom, self.height) {
            for (column, covered_width) in coverage(left, right, self.width) {
                self.mix(row, column, colour, covered_width * covered_height);
            }
        }
    }

    /// Writes `text` standing at `position` ([x, baseline]), `size` pixels to the em.
    fn write(
        &mut self,
        text: &str,
        [x, baseline]: [f32; 2],
        size: f32,
        anchor: Anchor,
        colour: Colour,
    ) {
        let font = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT)
            .expect("the typeface is part of the program and whole");
        // ab_glyph measures type by its full line height, everyone else by the em.
        let units_per_em = font.units_per_em().unwrap_or(1000.0);
        let scaled = font.as_scaled(size * font.height_unscaled() / units_per_em);

        let mut length = 0.0;
        let mut glyphs: Vec<Glyph> = Vec::new();
        for character in text.chars().filter(|character| !character.is_control()) {
            let id = scaled.glyph_id(character);
            length += glyphs
                .last()
                .map_or(0.0, |previous| scaled.kern(previous.id, id));
            glyphs.push(id.with_scale_and_position(scaled.scale(), point(length, 0.0)));
            length += scaled.h_advance(id);
        }
        let left = match anchor {
            Anchor::Start => x,
            Anchor::End => x - length,
        };
        for mut glyph in glyphs {
            glyph.position += point(left, baseline);
            let Some(outline) = font.outline_glyph(glyph) else {
                continue;
            };
            let corner = outline.px_bounds().min;
            outline.draw(|column, row, covered| {
                // Outlines begin on whole pixels; letters that would stick out of the picture are cut.
                let (Some(row), Some(column)) =
                    (pixel_at(corner.y, row), pixel_at(corner.x, column))
                else {
                    return;
                };
                self.mix(row, column, colour, covered);
            });
        }
    }

    /// Mixes `colour` into a pixel, covering `amount` of it; outside of the canvas nothing happens.
    fn mix(&mut self, row: usize, column: usize, colour: Colour, amount: f32) {
        if row >= self.height || column >= self.width {
            return;
        }
        let start = (row * self.width + column) * 3;
        let pixel = &mut self.pixels[start..start + 3];
        let Colour(red, green, blue) = Colour(pixel[0], pixel[1], pixel[2]).towards(colour, amount);
        pixel.copy_from_slice(&[red, green, blue]);
    }

    /// The PNG file.
    fn encode(self) -> anyhow::Result<Vec<u8>> {
        let (width, height) = (u32::try_from(self.width)?, u32::try_from(self.height)?);
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header().context("writing the PNG header")?;
        writer
            .write_image_data(&self.pixels)
            .context("writing the PNG picture")?;
        writer.finish().context("finishing the PNG file")?;
        Ok(bytes)
    }
}

/// The pixels of `0..limit` that the range from `start` to `end` touches, each with the share of it that is covered.
fn coverage(start: f32, end: f32, limit: usize) -> impl Iterator<Item = (usize, f32)> {
    let touched: Range<usize> = pixel(start.floor())..pixel(end.ceil()).min(limit);
    touched.map(move |index| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a picture's side is far below 2^24 pixels"
        )]
        let near = index as f32;
        (
            index,
            (end.min(near + 1.0) - start.max(near)).clamp(0.0, 1.0),
        )
    })
}

/// A whole coordinate as an index; what lies left of or above the picture becomes 0.
fn pixel(coordinate: f32) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the conversion saturates, which is what is meant"
    )]
    let index = coordinate.max(0.0) as usize;
    index
}

/// The index of the pixel `steps` after `start`, if it is inside of the picture's left and upper edges.
fn pixel_at(start: f32, steps: u32) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a picture's side is far below 2^31 pixels, and the conversion saturates"
    )]
    let coordinate = i64::from(start as i32) + i64::from(steps);
    usize::try_from(coordinate).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const BLACK: Colour = Colour(0, 0, 0);
    const WHITE: Colour = Colour(255, 255, 255);

    /// The decoded pixels of a PNG file, and its width.
    fn decode(bytes: &[u8]) -> (Vec<u8>, usize) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (pixels, info.width as usize)
    }

    #[test]
    fn a_png_holds_the_rectangle_where_it_was_put() {
        let rectangle = Shape::Rectangle {
            x: 2.0,
            y: 1.0,
            width: 1.0,
            height: 1.0,
            colour: WHITE,
        };
        let picture = Picture {
            width: 4.0,
            height: 3.0,
            background: BLACK,
            shapes: vec![rectangle],
        };
        let (pixels, width) = decode(&picture.to_png().unwrap());
        assert_eq!(width, 8);
        let white: Vec<usize> = (0..pixels.len() / 3)
            .filter(|index| pixels[index * 3] == 255)
            .collect();
        assert_eq!(white, [2 * 8 + 4, 2 * 8 + 5, 3 * 8 + 4, 3 * 8 + 5]);
    }

    #[test]
    fn a_pixel_covered_in_part_is_mixed() {
        let mut canvas = Canvas::new(3.0, 1.0, BLACK);
        canvas.fill([0.5, 0.0, 1.25, 1.0], WHITE);
        assert_eq!(canvas.pixels, [128, 128, 128, 64, 64, 64, 0, 0, 0]);
    }

    #[test]
    fn words_leave_ink_on_the_side_that_the_anchor_says() {
        let ink = |anchor| {
            let mut canvas = Canvas::new(200.0, 40.0, BLACK);
            canvas.write("Kick", [100.0, 30.0], 20.0, anchor, WHITE);
            let columns: Vec<usize> = (0..canvas.pixels.len() / 3)
                .filter(|i| canvas.pixels[i * 3] > 0)
                .map(|i| i % 200)
                .collect();
            (
                *columns.iter().min().unwrap(),
                *columns.iter().max().unwrap(),
            )
        };
        let (start, end) = (ink(Anchor::Start), ink(Anchor::End));
        assert!(start.0 >= 99 && start.1 > 120, "{start:?}");
        assert!(end.1 <= 101 && end.0 < 80, "{end:?}");
    }

    #[test]
    fn shapes_beyond_the_edges_are_cut() {
        let mut canvas = Canvas::new(2.0, 2.0, BLACK);
        canvas.fill([-5.0, -5.0, 50.0, 0.5], WHITE);
        canvas.write("long words", [-20.0, 1.0], 12.0, Anchor::Start, WHITE);
        assert_eq!(canvas.pixels.len(), 12);
    }

    #[test]
    fn svg_text_is_escaped() {
        let words = Shape::Words {
            x: 0.0,
            baseline: 9.0,
            size: 8.0,
            anchor: Anchor::Start,
            colour: WHITE,
            text: "a<b & \"c\"\u{1}".to_owned(),
        };
        let picture = Picture {
            width: 4.0,
            height: 3.0,
            background: BLACK,
            shapes: vec![words],
        };
        assert!(
            picture
                .to_svg()
                .contains(">a&lt;b &amp; &quot;c&quot;</text>")
        );
    }

    #[test]
    fn the_ending_chooses_the_kind() {
        assert_eq!(
            PictureKind::of_path(Path::new("a/b.PNG")).unwrap(),
            PictureKind::Png
        );
        assert!(
            PictureKind::of_path(Path::new("b.gif"))
                .unwrap_err()
                .to_string()
                .contains("b.gif")
        );
    }
}
