//! Colours, type and measures of the editor: everything else asks here, so the window has one look.
//!
//! Distances are multiples of [`UNIT`]. In both themes text keeps a contrast of at least 4.5 : 1 (WCAG AA) on every surface
//! that it is drawn on, and what can be pressed, dragged or typed into one of 3 : 1 to what is around it, which tests check.

use super::look::{Look, Theme};
use super::window::MIN_SIZE;
use egui::epaint::text::{FontTweak, TextFormat};
use egui::text::LayoutJob;
use egui::{
    Align2, Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Galley,
    Margin, Painter, Pos2, Rect, Shadow, Stroke, TextStyle, Visuals, vec2,
};
use fourbar_model::drums::{N_VOICES, Voice};
use std::sync::Arc;

/// The step of the layout grid, in points.
pub(super) const UNIT: f32 = 8.0;

/// A colour in both themes; as a [`Color32`] it is the one of the theme that is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shade {
    dark: Color32,
    light: Color32,
}

/// The colour with the channels `0xRRGGBB` in the dark theme, and in the light one.
const fn shade(dark: u32, light: u32) -> Shade {
    const fn opaque(channels: u32) -> Color32 {
        let [_, red, green, blue] = channels.to_be_bytes();
        Color32::from_rgb(red, green, blue)
    }
    Shade {
        dark: opaque(dark),
        light: opaque(light),
    }
}

impl Shade {
    const fn of(self, theme: Theme) -> Color32 {
        match theme {
            Theme::Dark => self.dark,
            Theme::Light => self.light,
        }
    }

    /// Seen through, the less the smaller `share` is.
    pub(super) fn faded(self, share: f32) -> Color32 {
        Color32::from(self).gamma_multiply(share)
    }
}

impl From<Shade> for Color32 {
    fn from(shade: Shade) -> Self {
        shade.of(Look::now().theme)
    }
}

/// Behind everything.
pub(super) const BACKGROUND: Shade = shade(0x0C_0E12, 0xDD_E1E8);
/// A section.
pub(super) const PANEL: Shade = shade(0x15_181F, 0xEF_F1F5);
/// Something sunk into a section: the grid, tracks of sliders.
pub(super) const WELL: Shade = shade(0x0E_1116, 0xFB_FCFD);
/// Something that can be pressed or dragged.
pub(super) const CONTROL: Shade = shade(0x20_252F, 0xE2_E6ED);
/// The same under the pointer.
pub(super) const CONTROL_HOVERED: Shade = shade(0x29_2F3B, 0xDA_DFE8);
/// The same while pressed.
pub(super) const CONTROL_PRESSED: Shade = shade(0x1A_1E26, 0xD6_DCE5);
/// Edges of sections and wells, which separate what the eye could tell apart without them.
pub(super) const OUTLINE: Shade = shade(0x26_2B36, 0xCD_D3DD);
/// Edges of what can be pressed, dragged or typed into. Contrast to every surface is at least 3 : 1 (WCAG 1.4.11).
pub(super) const CONTROL_EDGE: Shade = shade(0x70_7A8C, 0x6B_7482);
/// Lines that stand out from others: the bars of the grid, the ticks of a scale.
pub(super) const OUTLINE_STRONG: Shade = shade(0x3B_4352, 0xA9_B2C0);

/// Values and names.
pub(super) const TEXT: Shade = shade(0xEC_EEF3, 0x14_171D);
/// Labels.
pub(super) const TEXT_SOFT: Shade = shade(0xB1_B9C7, 0x38_3F4B);
/// Captions and units.
pub(super) const TEXT_FAINT: Shade = shade(0x97_A0AF, 0x4A_525F);

/// The one accent: what is chosen, set or playing.
pub(super) const ACCENT: Shade = shade(0xFD_A856, 0x8C_3A00);
/// The accent under the pointer.
pub(super) const ACCENT_HOVERED: Shade = shade(0xFF_BB6D, 0x7A_3100);
/// The accent while pressed.
pub(super) const ACCENT_PRESSED: Shade = shade(0xE3_8D3D, 0x66_2800);
/// Text on the accent.
pub(super) const ON_ACCENT: Shade = shade(0x1D_1205, 0xFF_FFFF);
/// All is well.
pub(super) const GOOD: Shade = shade(0x7F_D6A2, 0x0B_5F35);
/// Something went wrong.
pub(super) const BAD: Shade = shade(0xFF_8A80, 0xA0_1B17);
/// What is as far from the surfaces as can be: accents, and drums in the moment in which they are played.
pub(super) const FLARE: Shade = shade(0xFF_FFFF, 0x00_0000);

/// One hue per drum. In the dark theme all have the lightness 0.78 and the chroma 0.115 in OKLCH, so that none shouts; in the
/// light one they are as dark as the grid asks for.
const VOICES: [Shade; N_VOICES] = [
    shade(0xF8_9A8E, 0xA8_3A32),
    shade(0xEC_A667, 0x93_4F0C),
    shade(0xCB_B85C, 0x6E_5C00),
    shade(0x97_C87C, 0x35_6B1B),
    shade(0x5D_CFAF, 0x00_6B52),
    shade(0x47_CCDE, 0x00_6678),
    shade(0x75_BFFC, 0x14_5C9E),
    shade(0xB6_ABFC, 0x57_48A8),
    shade(0xE9_9ACF, 0x93_3576),
];

/// How much of a drum's hue the bar of its value has at rest and under the pointer, and its softest hit.
pub(super) const BAR: f32 = 0.4;
pub(super) const BAR_UNDER_POINTER: f32 = 0.45;
pub(super) const SOFTEST: f32 = 0.66;
/// How strong a padlock is that is open.
pub(super) const PADLOCK: f32 = 0.75;

/// Corners of sections.
pub(super) const PANEL_CORNERS: CornerRadius = CornerRadius::same(10);
/// Corners of controls.
pub(super) const CONTROL_CORNERS: CornerRadius = CornerRadius::same(6);

const SEMIBOLD_FAMILY: &str = "semibold";

/// The hue of `voice`.
pub(super) fn voice_colour(voice: Voice) -> Color32 {
    VOICES[voice.index()].into()
}

/// `from` at 0, `to` at 1.
pub(super) fn mix(from: impl Into<Color32>, to: impl Into<Color32>, amount: f32) -> Color32 {
    let from: Color32 = from.into();
    from.lerp_to_gamma(to.into(), amount.clamp(0.0, 1.0))
}

/// The surface of something that is chosen or switched on.
pub(super) fn chosen(surface: impl Into<Color32>) -> Color32 {
    mix(surface, ACCENT, CHOSEN)
}

/// How much of the accent it has.
const CHOSEN: f32 = 0.14;

/// The face of values and labels.
pub(super) fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// The face of names and headings.
pub(super) fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(SEMIBOLD_FAMILY.into()))
}

/// Gives `ctx` the editor's fonts.
pub(super) fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    // The window's zoom is ours.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
}

/// Gives `ctx` the editor's type and measures, and the colours of `theme`.
pub(super) fn dress(ctx: &Context, theme: Theme) {
    ctx.set_theme(match theme {
        Theme::Dark => egui::Theme::Dark,
        Theme::Light => egui::Theme::Light,
    });
    ctx.global_style_mut(|style| {
        style.visuals = visuals(theme);
        style.text_styles = [
            (TextStyle::Small, medium(11.0)),
            (TextStyle::Body, medium(12.5)),
            (TextStyle::Button, medium(12.5)),
            (TextStyle::Monospace, medium(12.5)),
            (TextStyle::Heading, semibold(16.0)),
        ]
        .into();
        style.spacing.tooltip_width = 264.0;
        style.spacing.menu_margin = Margin::symmetric(12, 8);
        style.interaction.tooltip_delay = 0.5;
        style.interaction.selectable_labels = false;
    });
}

/// The two weights of Inter, for every family; egui's own fonts would be 1.4 MB for letters that nothing shows.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let faces = [
        (
            vec![FontFamily::Proportional, FontFamily::Monospace],
            "Inter Medium",
            &include_bytes!("fonts/Inter-Medium.otf")[..],
        ),
        (
            vec![FontFamily::Name(SEMIBOLD_FAMILY.into())],
            "Inter SemiBold",
            &include_bytes!("fonts/Inter-SemiBold.otf")[..],
        ),
    ];
    for (families, name, bytes) in faces {
        let data = FontData::from_static(bytes).tweak(FontTweak::default());
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
        for family in families {
            fonts.families.insert(family, vec![name.to_owned()]);
        }
    }
    fonts
}

fn visuals(theme: Theme) -> Visuals {
    let mut visuals = match theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    visuals.override_text_color = Some(TEXT.of(theme));
    visuals.panel_fill = BACKGROUND.of(theme);
    visuals.window_fill = CONTROL.of(theme);
    visuals.window_stroke = Stroke::new(1.0, OUTLINE_STRONG.of(theme));
    visuals.window_corner_radius = CONTROL_CORNERS;
    visuals.menu_corner_radius = CONTROL_CORNERS;
    visuals.popup_shadow = Shadow {
        offset: [0, 6],
        blur: 16,
        spread: 0,
        color: Color32::from_black_alpha(match theme {
            Theme::Dark => 140,
            Theme::Light => 60,
        }),
    };
    visuals
}

/// Draws one line of text and returns its place.
pub(super) fn text(
    painter: &Painter,
    at: Pos2,
    align: Align2,
    text: &str,
    font: FontId,
    colour: impl Into<Color32>,
) -> Rect {
    let colour = colour.into();
    painter.text(at, align, text, font, colour)
}

/// Draws `text` cut with an ellipsis to `width`; true if all of it fitted.
pub(super) fn text_within(
    painter: &Painter,
    at: Pos2,
    align: Align2,
    text: &str,
    font: FontId,
    colour: impl Into<Color32>,
    width: f32,
) -> bool {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, colour.into());
    job.wrap = egui::text::TextWrapping::truncate_at_width(width);
    let galley = painter.layout_job(job);
    let whole = !galley.elided;
    place(painter, at, align, galley);
    whole
}

/// Draws a section's heading: small, spaced capitals.
pub(super) fn heading(painter: &Painter, at: Pos2, text: &str, colour: impl Into<Color32>) -> Rect {
    place(
        painter,
        at,
        Align2::LEFT_CENTER,
        heading_galley(painter, text, colour.into()),
    )
}

/// How wide a section's heading is.
pub(super) fn heading_width(painter: &Painter, text: &str) -> f32 {
    heading_galley(painter, text, TEXT.into()).size().x
}

fn heading_galley(painter: &Painter, text: &str, colour: Color32) -> Arc<Galley> {
    let format = TextFormat {
        extra_letter_spacing: by_room(painter.ctx(), 0.5, 1.1),
        ..TextFormat::simple(semibold(11.0), colour)
    };
    painter.layout_job(LayoutJob::single_section(text.to_uppercase(), format))
}

/// Draws the product's name.
pub(super) fn wordmark(painter: &Painter, at: Pos2, text: &str) -> Rect {
    let format = TextFormat {
        extra_letter_spacing: 2.6,
        ..TextFormat::simple(semibold(17.0), TEXT.into())
    };
    place(
        painter,
        at,
        Align2::LEFT_CENTER,
        painter.layout_job(LayoutJob::single_section(text.to_owned(), format)),
    )
}

/// A slow swell between 0 and 1.
#[expect(clippy::cast_possible_truncation, reason = "a brightness")]
pub(super) fn pulse(seconds: f64) -> f32 {
    (0.5 - 0.5 * (seconds * 5.0).cos()) as f32
}

fn place(painter: &Painter, at: Pos2, align: Align2, galley: Arc<Galley>) -> Rect {
    let rect = align.anchor_size(at, galley.size());
    painter.galley(rect.min, galley, TEXT.into());
    rect
}

/// A distance that is `narrow` in a window of the smallest width, and `wide` in one that is 200 points wider, or more.
pub(super) fn by_room(ctx: &Context, narrow: f32, wide: f32) -> f32 {
    by_width(ctx.content_rect().width(), narrow, wide)
}

/// The same in a window of this width.
pub(super) fn by_width(window_width: f32, narrow: f32, wide: f32) -> f32 {
    let room = (window_width - MIN_SIZE.x) / 200.0;
    egui::lerp(narrow..=wide, room.clamp(0.0, 1.0))
}

/// Draws an empty section and returns the part for its contents.
pub(super) fn panel(painter: &Painter, rect: Rect) -> Rect {
    painter.rect(
        rect,
        PANEL_CORNERS,
        PANEL,
        Stroke::new(1.0, OUTLINE),
        egui::StrokeKind::Inside,
    );
    let inset = by_room(painter.ctx(), 10.0, 2.0 * UNIT);
    rect.shrink2(vec2(inset, 1.5 * UNIT))
}

/// Draws what the value of a control lies in.
pub(super) fn well(painter: &Painter, rect: Rect, edge: impl Into<Color32>) {
    body(painter, rect, WELL, edge);
}

/// The body of a control and its edge.
pub(super) fn body(
    painter: &Painter,
    rect: Rect,
    fill: impl Into<Color32>,
    edge: impl Into<Color32>,
) {
    let stroke = Stroke::new(1.0, edge);
    painter.rect(
        rect,
        CONTROL_CORNERS,
        fill,
        stroke,
        egui::StrokeKind::Inside,
    );
}

/// Draws a control's `label` at the left of its row and returns the room for the control.
pub(super) fn labelled(painter: &Painter, row: Rect, label: &str) -> Rect {
    let label_width = by_room(painter.ctx(), 62.0, 68.0);
    text(
        painter,
        row.left_center(),
        Align2::LEFT_CENTER,
        label,
        medium(12.0),
        TEXT_SOFT,
    );
    row.with_min_x(row.left() + label_width)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEMES: [Theme; 2] = [Theme::Dark, Theme::Light];
    /// Everything that text and controls are drawn on.
    const SURFACES: [Shade; 6] = [
        BACKGROUND,
        PANEL,
        WELL,
        CONTROL,
        CONTROL_HOVERED,
        CONTROL_PRESSED,
    ];

    fn luminance(colour: Color32) -> f32 {
        let linear = egui::Rgba::from(colour);
        0.2126 * linear.r() + 0.7152 * linear.g() + 0.0722 * linear.b()
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Complains of every pair of colours whose contrast is less than `least`, in one theme.
    fn stand_out(
        least: f32,
        theme: Theme,
        pairs: impl IntoIterator<Item = (&'static str, Color32, Color32)>,
    ) {
        for (name, ink, surface) in pairs {
            let contrast = contrast(ink, surface);
            assert!(
                contrast >= least,
                "{theme:?}, {name}: {ink:?} on {surface:?} is {contrast:.2} : 1"
            );
        }
    }

    #[test]
    fn every_text_can_be_read_on_every_surface() {
        for theme in THEMES {
            let chosen = |surface: Shade| mix(surface.of(theme), ACCENT.of(theme), CHOSEN);
            for surface in SURFACES.map(|shade| shade.of(theme)) {
                let inks = [
                    TEXT,
                    TEXT_SOFT,
                    TEXT_FAINT,
                    ACCENT,
                    ACCENT_HOVERED,
                    GOOD,
                    BAD,
                ];
                stand_out(4.5, theme, inks.map(|ink| ("text", ink.of(theme), surface)));
            }
            let on_chosen = [WELL, CONTROL, CONTROL_HOVERED, CONTROL_PRESSED]
                .map(|surface| ("what is chosen", ACCENT.of(theme), chosen(surface)));
            stand_out(4.5, theme, on_chosen);
            let on_accent = [ACCENT, ACCENT_HOVERED, ACCENT_PRESSED]
                .map(|surface| ("on the accent", ON_ACCENT.of(theme), surface.of(theme)));
            stand_out(4.5, theme, on_accent);
            // M and S, and a drum's value over its bar.
            let lit = [GOOD, BAD].map(|lit| ("lit letters", BACKGROUND.of(theme), lit.of(theme)));
            stand_out(4.5, theme, lit);
            let bars = VOICES.map(|voice| {
                let bar = mix(WELL.of(theme), voice.of(theme), BAR_UNDER_POINTER);
                ("a drum's value", TEXT.of(theme), bar)
            });
            stand_out(4.5, theme, bars);
        }
    }

    #[test]
    fn every_control_stands_out_from_what_it_is_on() {
        for theme in THEMES {
            for surface in SURFACES.map(|shade| shade.of(theme)) {
                let edges = [CONTROL_EDGE, ACCENT, ACCENT_HOVERED, TEXT_FAINT];
                stand_out(
                    3.0,
                    theme,
                    edges.map(|edge| ("an edge", edge.of(theme), surface)),
                );
            }
            let padlock = mix(PANEL.of(theme), TEXT_FAINT.of(theme), PADLOCK);
            stand_out(3.0, theme, [("a padlock", padlock, PANEL.of(theme))]);
            // The switch's knob, and the value's part of a drum's bar.
            stand_out(
                3.0,
                theme,
                [("a switch", TEXT_SOFT.of(theme), CONTROL.of(theme))],
            );
            stand_out(
                3.0,
                theme,
                [("a switch", ON_ACCENT.of(theme), ACCENT.of(theme))],
            );
        }
    }

    #[test]
    fn no_two_drums_share_a_hue_and_all_stand_out_from_the_grid() {
        for theme in THEMES {
            for (index, &voice) in VOICES.iter().enumerate() {
                let well = WELL.of(theme);
                stand_out(4.5, theme, [("a drum", voice.of(theme), well)]);
                // The softest hit.
                let softest = mix(well, voice.of(theme), SOFTEST);
                stand_out(3.0, theme, [("a soft hit", softest, well)]);
                assert!(!VOICES[..index].contains(&voice));
            }
        }
    }
}
