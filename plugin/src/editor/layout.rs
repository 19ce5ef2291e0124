//! Where the parts of the window are. Nothing is ever cut off: a window of the smallest size is narrower in its margins, and
//! a smaller one is drawn with a smaller zoom.

use super::theme;
use super::window::MIN_SIZE;
use egui::{Rect, pos2, vec2};

/// Height of the header.
const HEADER: f32 = 48.0;
/// Height of the sections under the grid.
const SECTIONS: f32 = 240.0;
/// Height of the bottom line.
const STATUS_LINE: f32 = 32.0;

/// The parts of the window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) header: Rect,
    /// The grid, or a page in its place.
    pub(super) grid: Rect,
    /// From left to right: what makes grooves, the pages in the middle, the feel, and where it all goes.
    pub(super) sections: [Rect; 4],
    pub(super) status_line: Rect,
}

impl Layout {
    pub(super) fn of(window: Rect) -> Self {
        let window = Rect::from_min_size(window.min, window.size().max(MIN_SIZE));
        let margin = theme::by_width(window.width(), 10.0, 16.0);
        let gap = theme::by_width(window.width(), 8.0, 12.0);
        let inside = window.shrink2(vec2(margin, 0.0));
        let (header, rest) = inside.split_top_bottom_at_y(inside.top() + HEADER);
        let (rest, bottom) = rest.split_top_bottom_at_y(rest.bottom() - STATUS_LINE);
        let (middle, sections) = rest.split_top_bottom_at_y(rest.bottom() - SECTIONS);
        Self {
            header,
            grid: middle.with_max_y(middle.bottom() - gap),
            sections: columns(sections, gap),
            status_line: bottom.with_max_x(bottom.right() - margin),
        }
    }
}

/// Four sections side by side, the wider ones taking more of a wide window.
fn columns(row: Rect, gap: f32) -> [Rect; 4] {
    const NARROWEST: [f32; 4] = [236.0, 246.0, 142.0, 232.0];
    const SHARE: [f32; 4] = [0.305, 0.273, 0.114, 0.308];
    let spare = row.width() - NARROWEST.iter().sum::<f32>() - 3.0 * gap;
    let mut left = row.left();
    std::array::from_fn(|index| {
        let width = NARROWEST[index] + SHARE[index] * spare;
        let column = Rect::from_min_size(pos2(left, row.top()), vec2(width, row.height()));
        left += width + gap;
        column
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Pos2, Vec2};

    #[test]
    fn the_parts_fill_the_window_at_every_size_and_none_is_outside() {
        for size in [
            MIN_SIZE,
            vec2(1000.0, 608.0),
            vec2(1160.0, 760.0),
            vec2(2400.0, 1500.0),
        ] {
            let window = Rect::from_min_size(Pos2::ZERO, size);
            let layout = Layout::of(window);
            let [first, .., last] = layout.sections;
            assert!((last.right() - layout.header.right()).abs() < 0.01);
            assert!((first.left() - layout.header.left()).abs() < 0.01);
            for pair in layout.sections.windows(2) {
                let gap = pair[1].left() - pair[0].right();
                assert!((7.9..12.1).contains(&gap), "{gap}");
            }
            for part in [layout.header, layout.grid, layout.status_line, first, last] {
                assert!(window.contains_rect(part) && part.is_positive(), "{part:?}");
            }
        }
    }

    #[test]
    fn what_is_smaller_than_the_smallest_is_as_large() {
        let layout = Layout::of(Rect::from_min_size(Pos2::ZERO, Vec2::splat(100.0)));
        assert!((layout.status_line.bottom() - MIN_SIZE.y).abs() < 0.01);
    }
}
