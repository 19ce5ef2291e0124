//! The zoom between our points and those of the backend, which draws in the display's own and knows no other.
//!
//! What comes from the backend is divided by the zoom, and what goes to it is multiplied. Shapes are cut into triangles for
//! the pixels that they will have, and only then multiplied, so that letters and lines are as sharp as without a zoom.

use super::look::Look;
use super::window::MIN_SIZE;
use egui::epaint::{ClippedPrimitive, ClippedShape, Primitive};
use egui::{Context, Event, FullOutput, Plugin, Pos2, RawInput, Rect, Shape, Vec2};

/// What a window is drawn with. Used by the window's thread only.
pub(super) struct Zoom {
    /// Our points to the backend's: the chosen zoom, and less where the window is too small for it, so that nothing is ever
    /// cut off.
    pub(super) factor: f32,
    /// Pixels of the display to one of the backend's points.
    pub(super) scale: f32,
}

impl Zoom {
    /// Makes `ctx` draw with a zoom.
    pub(super) fn install(ctx: &Context) {
        ctx.add_plugin(Self {
            factor: 1.0,
            scale: 1.0,
        });
    }

    /// That of this frame.
    pub(super) fn of(ctx: &Context) -> Self {
        let zoom = ctx.with_plugin(|&mut Self { factor, scale }| Self { factor, scale });
        zoom.unwrap_or(Self {
            factor: 1.0,
            scale: 1.0,
        })
    }
}

impl Plugin for Zoom {
    fn debug_name(&self) -> &'static str {
        "zoom"
    }

    fn input_hook(&mut self, _ctx: &Context, input: &mut RawInput) {
        // A second pass over the same frame has no size of its own.
        if let Some(window) = input.screen_rect {
            self.factor = that_fits(Look::now().zoom(), window.size());
        }
        let Self { factor, scale } = self;
        let ours = |rect: Rect| scaled(rect, 1.0 / *factor);
        input.screen_rect = input.screen_rect.map(ours);
        for window in input.viewports.values_mut() {
            *scale = window.native_pixels_per_point.unwrap_or(1.0);
            window.native_pixels_per_point = Some(*scale * *factor);
            window.inner_rect = window.inner_rect.map(ours);
        }
        for event in &mut input.events {
            if let Event::PointerMoved(at) | Event::PointerButton { pos: at, .. } = event {
                *at = (at.to_vec2() / *factor).to_pos2();
            }
        }
    }

    fn output_hook(&mut self, ctx: &Context, output: &mut FullOutput) {
        if self.factor == 1.0 {
            return;
        }
        let shapes = std::mem::take(&mut output.shapes);
        let primitives = ctx.tessellate(shapes, output.pixels_per_point);
        output.shapes = primitives
            .into_iter()
            .map(|primitive| enlarged(primitive, self.factor))
            .collect();
    }
}

/// The chosen zoom, or the largest that `window` has room for.
fn that_fits(chosen: f32, window: Vec2) -> f32 {
    // An empty window has a zoom too.
    chosen.min((window / MIN_SIZE).min_elem()).max(0.1)
}

fn scaled(rect: Rect, factor: f32) -> Rect {
    let place = |at: Pos2| (at.to_vec2() * factor).to_pos2();
    Rect::from_min_max(place(rect.min), place(rect.max))
}

fn enlarged(primitive: ClippedPrimitive, factor: f32) -> ClippedShape {
    let shape = match primitive.primitive {
        Primitive::Mesh(mut mesh) => {
            for vertex in &mut mesh.vertices {
                vertex.pos = (vertex.pos.to_vec2() * factor).to_pos2();
            }
            Shape::mesh(mesh)
        }
        Primitive::Callback(callback) => Shape::Callback(callback),
    };
    ClippedShape {
        clip_rect: scaled(primitive.clip_rect, factor),
        shape,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::vec2;

    #[test]
    fn a_window_that_is_too_small_is_drawn_smaller_instead_of_cut_off() {
        assert_eq!(that_fits(1.0, vec2(1160.0, 760.0)), 1.0);
        assert_eq!(that_fits(2.0, MIN_SIZE * 2.0), 2.0);
        assert_eq!(that_fits(2.0, MIN_SIZE * 1.5), 1.5);
        assert_eq!(that_fits(1.0, vec2(MIN_SIZE.x / 2.0, 4000.0)), 0.5);
        assert_eq!(that_fits(1.0, Vec2::ZERO), 0.1);
    }
}
