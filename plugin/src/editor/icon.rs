//! The editor's pictograms, drawn as strokes so that they are sharp at every scale.

use egui::{
    Color32, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2,
};

/// A pictogram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Icon {
    /// A die: chance.
    Die,
    /// An arrow turning left: back to the previous pattern.
    Undo,
    /// An arrow turning right: forward again.
    Redo,
    /// A triangle: play.
    Play,
    /// A square: stop.
    Stop,
    /// An arrow out of a tray: write a file.
    Export,
    /// Two sheets: copy.
    Copy,
    /// An arrow head down: there is more to choose.
    More,
    /// A minus sign: one less.
    Minus,
    /// A plus sign: one more.
    Plus,
    /// A padlock: stays as it is.
    Lock,
    /// A disc: record.
    Record,
    /// An arrow head to the left: the one before.
    Before,
    /// An arrow head to the right: the one after.
    After,
    /// A heart's outline: not loved.
    Heart,
    /// A heart: loved.
    FullHeart,
}

impl Icon {
    /// Draws the pictogram in a square of `size` points around `centre`.
    pub(super) fn paint(
        self,
        painter: &Painter,
        centre: Pos2,
        size: f32,
        colour: impl Into<Color32>,
    ) {
        let colour = colour.into();
        // All are drawn in a square from -1 to 1.
        let half = size / 2.0;
        let at = |x: f32, y: f32| pos2(centre.x + x * half, centre.y + y * half);
        let stroke = Stroke::new((size / 9.0).max(1.4), colour);
        let line = |points: &[(f32, f32)]| {
            painter.add(Shape::line(
                points.iter().map(|&(x, y)| at(x, y)).collect(),
                stroke,
            ));
        };
        match self {
            Self::Die => {
                let side = Rect::from_center_size(centre, Vec2::splat(size * 0.92));
                painter.rect_stroke(side, CornerRadius::same(3), stroke, StrokeKind::Inside);
                for (x, y) in [
                    (-0.4, -0.4),
                    (0.4, -0.4),
                    (0.0, 0.0),
                    (-0.4, 0.4),
                    (0.4, 0.4),
                ] {
                    painter.circle_filled(at(x, y), (size / 13.0).max(1.1), colour);
                }
            }
            Self::Undo => turn(painter, at, stroke),
            Self::Redo => turn(painter, |x, y| at(-x, y), stroke),
            Self::Play => {
                let points = vec![at(-0.6, -0.8), at(0.85, 0.0), at(-0.6, 0.8)];
                painter.add(Shape::convex_polygon(points, colour, Stroke::NONE));
            }
            Self::Stop => {
                painter.rect_filled(
                    Rect::from_center_size(centre, vec2(size, size) * 0.7),
                    CornerRadius::same(2),
                    colour,
                );
            }
            Self::Export => {
                line(&[(0.0, 0.35), (0.0, -0.9)]);
                line(&[(-0.45, -0.45), (0.0, -0.9), (0.45, -0.45)]);
                line(&[(-0.85, 0.15), (-0.85, 0.85), (0.85, 0.85), (0.85, 0.15)]);
            }
            Self::Copy => {
                let sheet = |left: f32, top: f32| {
                    Rect::from_min_max(at(left, top), at(left + 1.2, top + 1.3))
                };
                let corners = CornerRadius::same(2);
                painter.rect_stroke(sheet(-0.3, -0.4), corners, stroke, StrokeKind::Inside);
                line(&[
                    (-0.5, 0.4),
                    (-0.85, 0.4),
                    (-0.85, -0.85),
                    (0.35, -0.85),
                    (0.35, -0.6),
                ]);
            }
            Self::More => line(&[(-0.6, -0.25), (0.0, 0.4), (0.6, -0.25)]),
            Self::Minus => line(&[(-0.7, 0.0), (0.7, 0.0)]),
            Self::Lock => {
                let body = Rect::from_min_max(at(-0.7, -0.1), at(0.7, 0.9));
                painter.rect_filled(body, CornerRadius::same(2), colour);
                line(&[
                    (-0.45, 0.0),
                    (-0.45, -0.5),
                    (-0.2, -0.85),
                    (0.2, -0.85),
                    (0.45, -0.5),
                    (0.45, 0.0),
                ]);
            }
            Self::Record => {
                painter.circle_filled(centre, half * 0.8, colour);
            }
            Self::Plus => {
                line(&[(-0.7, 0.0), (0.7, 0.0)]);
                line(&[(0.0, -0.7), (0.0, 0.7)]);
            }
            Self::Before => line(&[(0.25, -0.6), (-0.4, 0.0), (0.25, 0.6)]),
            Self::After => line(&[(-0.25, -0.6), (0.4, 0.0), (-0.25, 0.6)]),
            Self::Heart => heart(painter, at, Color32::TRANSPARENT, stroke),
            Self::FullHeart => heart(painter, at, colour, stroke),
        }
    }
}

/// A heart: two halves, each of them convex, in a common outline.
fn heart(painter: &Painter, at: impl Fn(f32, f32) -> Pos2, fill: Color32, stroke: Stroke) {
    let half = |side: f32| -> Vec<Pos2> {
        let bow = (0..=12u8).map(|index| {
            // Not from the very middle, where the two would meet in a spike.
            let angle = std::f32::consts::PI * (0.15 + 0.85 * f32::from(index) / 12.0);
            at(side * (0.45 - 0.45 * angle.cos()), -0.3 - 0.5 * angle.sin())
        });
        let middle = std::iter::once(at(0.0, -0.3));
        middle.chain(bow).chain([at(0.0, 0.85)]).collect()
    };
    for side in [-1.0, 1.0] {
        painter.add(Shape::convex_polygon(half(side), fill, Stroke::NONE));
    }
    let mut outline = half(-1.0);
    outline.pop();
    outline.reverse();
    outline.extend(half(1.0).into_iter().skip(1));
    painter.add(Shape::closed_line(outline, stroke));
}

/// A half turn with an arrow head at its left end; `at` maps the square from -1 to 1 to points.
fn turn(painter: &Painter, at: impl Fn(f32, f32) -> Pos2, stroke: Stroke) {
    let arc = (0..=16u8).map(|index| {
        let angle = std::f32::consts::PI * (f32::from(index) / 16.0 - 0.5);
        at(0.25 + 0.55 * angle.cos(), 0.2 + 0.55 * angle.sin())
    });
    let points = std::iter::once(at(-0.85, -0.35))
        .chain(arc)
        .chain([at(-0.4, 0.75)])
        .collect();
    painter.add(Shape::line(points, stroke));
    painter.add(Shape::line(
        vec![at(-0.4, -0.8), at(-0.85, -0.35), at(-0.4, 0.1)],
        stroke,
    ));
}
