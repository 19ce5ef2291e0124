//! The whole window, drawn without a screen: on every page, at the smallest size and at the usual one, all text is inside of the
//! window and none lies over another.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::layout::Layout;
use super::look::Theme;
use super::pages::Page;
use super::{Making, Upper, View, Way, notice, theme, window};
use crate::inference::first_pattern;
use crate::params::FourbarParams;
use crate::shared::Shared;
use egui::epaint::ClippedShape;
use egui::{Context, Pos2, RawInput, Rect, Shape, Ui, Vec2, vec2};

use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::{ParamPtr, ParamSetter, PluginApi, PluginState};
use std::sync::Arc;

/// A host that is only looked at.
struct NoHost;

#[expect(unsafe_code, reason = "the framework's functions are declared so")]
impl GuiContext for NoHost {
    fn plugin_api(&self) -> PluginApi {
        PluginApi::Clap
    }

    fn request_resize(&self) -> bool {
        false
    }

    unsafe fn raw_begin_set_parameter(&self, _param: ParamPtr) {}

    unsafe fn raw_set_parameter_normalized(&self, _param: ParamPtr, _normalized: f32) {}

    unsafe fn raw_end_set_parameter(&self, _param: ParamPtr) {}

    fn get_state(&self) -> PluginState {
        unimplemented!("nobody asks for it")
    }

    fn set_state(&self, _state: PluginState) {}
}

/// A page of the window, and how it is come to.
type Shown = (&'static str, fn(&mut View));

const PAGES: [Shown; 13] = [
    ("Generate", |_| {}),
    ("Ideas", |view| view.making = Making::Ideas),
    ("History", |view| view.making = Making::History),
    ("Fills", |view| view.pages.shown = Page::Fills),
    ("Drums", |view| view.pages.shown = Page::Drums),
    ("Morph", |view| view.pages.shown = Page::Morph),
    ("Explore", |view| view.pages.shown = Page::Explore),
    ("Kit", |view| view.way = Way::Kit),
    ("Input", |view| view.way = Way::Input),
    ("Library", |view| view.upper = Upper::Library),
    ("Train", |view| view.upper = Upper::Training),
    ("Keys", |view| view.upper = Upper::Keys),
    ("many digits", |view| {
        let name = "000014-2".parse().unwrap();
        super::seed::choose(&view.params, &ParamSetter::new(&NoHost), name);
    }),
];

/// A text of a frame, where its letters are, and what it may not leave.
#[derive(Debug, Clone)]
struct Text {
    letters: String,
    place: Rect,
    clip: Rect,
}

fn texts(shapes: &[ClippedShape]) -> Vec<Text> {
    fn collect(shape: &Shape, clip: Rect, texts: &mut Vec<Text>) {
        match shape {
            Shape::Vec(shapes) => shapes.iter().for_each(|shape| collect(shape, clip, texts)),
            Shape::Text(text) if !text.galley.text().trim().is_empty() => texts.push(Text {
                letters: text.galley.text().to_owned(),
                place: text.galley.mesh_bounds.translate(text.pos.to_vec2()),
                clip,
            }),
            _ => {}
        }
    }
    let mut texts = Vec::new();
    for shape in shapes {
        collect(&shape.shape, shape.clip_rect, &mut texts);
    }
    texts
}

fn view() -> View {
    let shared = Arc::<Shared>::default();
    let params = FourbarParams::new(shared.clone());
    let ready = first_pattern::of(&params.request(0)).unwrap();
    shared.snapshot().ready = Some(Arc::new(ready));
    View::new(params, shared, Arc::default())
}

/// What is drawn of a page in a window of this size, once it has come to rest.
fn drawn(show: fn(&mut View), size: Vec2) -> Vec<Text> {
    let ctx = Context::default();
    theme::install(&ctx);
    theme::dress(&ctx, Theme::Dark);
    let mut view = view();
    show(&mut view);
    let mut draw = || {
        frame(&ctx, size, |ui| {
            view.show(ui, &ParamSetter::new(&NoHost));
        })
    };
    draw();
    draw();
    draw()
}

/// The texts of one frame in a window of this size.
fn frame(ctx: &Context, size: Vec2, draw: impl FnMut(&mut Ui)) -> Vec<Text> {
    let input = RawInput {
        screen_rect: Some(Rect::from_min_size(Pos2::ZERO, size)),
        ..RawInput::default()
    };
    texts(&ctx.run_ui(input, draw).shapes)
}

#[test]
fn a_frame_that_goes_wrong_leaves_a_sentence_and_no_panic() {
    let ctx = Context::default();
    theme::install(&ctx);
    let (mut is_broken, mut n_draws) = (false, 0);
    let mut say = || {
        let texts = frame(&ctx, window::MIN_SIZE, |ui| {
            notice::draw_or_say(&mut is_broken, ui, |ui| {
                n_draws += 1;
                ui.label("half of a frame");
                panic!("the other half");
            });
        });
        texts.last().unwrap().letters.clone()
    };
    let sentence = "Something in this window went wrong. The plugin plays on; close the window and open it again.";
    assert_eq!([say(), say()], [sentence; 2]);
    assert_eq!(n_draws, 1);
}

#[test]
fn at_the_smallest_size_and_at_the_usual_one_no_page_cuts_anything_off() {
    let mut faults = Vec::new();
    for size in [window::MIN_SIZE, vec2(1000.0, 608.0), vec2(1160.0, 760.0)] {
        let window = Rect::from_min_size(Pos2::ZERO, size);
        let sections = Layout::of(window).sections;
        for (page, show) in PAGES {
            let texts = drawn(show, size);
            assert!(
                texts.len() > 60,
                "{page} at {size:?} has {} texts",
                texts.len()
            );
            for (index, text) in texts.iter().enumerate() {
                let Text {
                    letters,
                    place,
                    clip,
                } = text;
                // The last line of a list may be half in it; the rest is scrolled to.
                let mut room = window.intersect(*clip).expand(0.5);
                if ["Library", "Train"].contains(&page) {
                    room.max.y = window.max.y;
                }
                if let Some(section) = sections.iter().find(|it| it.contains(place.left_top())) {
                    room = room.intersect(section.shrink(2.0));
                }
                if !room.contains_rect(*place) {
                    faults.push(format!(
                        "{page} at {size:?}: {letters:?} is cut off at {place:?}"
                    ));
                }
                let shown = |text: &Text| text.place.intersect(text.clip).shrink(0.25);
                let mine = shown(text);
                let is_over = |other: &&Text| shown(other).intersect(mine).is_positive();
                if let Some(other) = texts[..index].iter().find(is_over) {
                    let other = &other.letters;
                    faults.push(format!(
                        "{page} at {size:?}: {letters:?} lies over {other:?}"
                    ));
                }
            }
        }
    }
    assert_eq!(faults, [""; 0]);
}
