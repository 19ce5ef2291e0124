//! Curves over a common axis, as SVG that takes its colours from the page. Drawn here and not by plotters, which writes colours
//! into its SVG: these are other ones on dark screens.

use crate::measure::statistics::{Estimate, count};
use fourbar_roll::escape;
use maud::{Markup, PreEscaped};

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 40.0;
/// Points of a curve, at most: more than the page has pixels for.
const MAX_POINTS: usize = 500;
/// A vertical axis over a larger ratio than this is logarithmic, if it can be.
const LOGARITHMIC_RATIO: f64 = 12.0;

/// A picture of curves.
pub(super) struct Chart<'a> {
    /// What is shown.
    pub(super) title: &'a str,
    /// What the horizontal axis is.
    pub(super) x_axis: &'a str,
    /// The curves; those without a point are left out.
    pub(super) curves: Vec<Curve>,
}

/// One curve, with a band around it where its points are estimates.
pub(super) struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
    band: Vec<(f64, f64, f64)>,
}

impl Curve {
    /// The curve through `points`.
    pub(super) fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        let stride = points.len().div_ceil(MAX_POINTS).max(1);
        let last = points.len().saturating_sub(1);
        let kept = points.into_iter().enumerate();
        Self {
            name: name.to_owned(),
            points: kept
                .filter(|(place, _)| place % stride == 0 || *place == last)
                .map(|(_, point)| point)
                .filter(|(x, y)| x.is_finite() && y.is_finite())
                .collect(),
            band: Vec::new(),
        }
    }

    /// The curve of estimates at `positions`, with their intervals.
    pub(super) fn of_estimates(name: &str, positions: &[f64], estimates: &[Estimate]) -> Self {
        let known = positions.iter().zip(estimates);
        let band = known
            .clone()
            .filter_map(|(x, estimate)| Some((*x, estimate.interval?.low, estimate.interval?.high)))
            .collect();
        let points = known.filter_map(|(x, estimate)| Some((*x, estimate.value?)));
        Self {
            band,
            ..Self::new(name, points.collect())
        }
    }
}

impl Chart<'_> {
    /// The picture; `None` if no curve has two points.
    pub(super) fn to_svg(&self) -> Option<Markup> {
        let curves: Vec<&Curve> = self
            .curves
            .iter()
            .filter(|curve| curve.points.len() > 1)
            .collect();
        let points = || curves.iter().flat_map(|curve| &curve.points);
        let x = Axis::linear(points().map(|point| point.0), (LEFT, WIDTH - RIGHT))?;
        let bands = curves.iter().flat_map(|curve| &curve.band);
        let ys = points()
            .map(|point| point.1)
            .chain(bands.flat_map(|band| [band.1, band.2]));
        let y = Axis::fitting(ys, (HEIGHT - BOTTOM, TOP))?;

        let title = escape(self.title);
        let mut svg = format!(
            "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n\
             <text class=\"title\" x=\"0\" y=\"14\">{title}</text>\n"
        );
        for (at, label) in y.ticks() {
            let (top, right) = (y.place(at), WIDTH - RIGHT);
            svg += &format!(
                "<path class=\"line\" d=\"M{LEFT} {top:.1}H{right}\"/>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>\n",
                LEFT - 8.0,
                top + 4.0
            );
        }
        for (at, label) in x.ticks() {
            svg += &format!(
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>\n",
                x.place(at),
                HEIGHT - BOTTOM + 18.0
            );
        }
        svg += &format!(
            "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
            WIDTH - RIGHT,
            HEIGHT - 4.0,
            escape(self.x_axis)
        );
        let mut legend = LEFT;
        for (number, curve) in curves.iter().enumerate() {
            svg += &curve.to_svg(number, &x, &y);
            svg += &format!(
                "<rect class=\"c{number} fill\" x=\"{legend:.1}\" y=\"23\" width=\"12\" height=\"4\" rx=\"2\"/>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"29\">{}</text>\n",
                legend + 17.0,
                escape(&curve.name)
            );
            legend += 34.0 + 6.2 * count(curve.name.chars().count());
        }
        Some(PreEscaped(svg + "</svg>\n"))
    }
}

impl Curve {
    fn to_svg(&self, number: usize, x: &Axis, y: &Axis) -> String {
        let path = |points: &mut dyn Iterator<Item = (f64, f64)>| -> String {
            let places =
                points.map(|(at, value)| format!("{:.1} {:.1}", x.place(at), y.place(value)));
            format!("M{}", places.collect::<Vec<_>>().join("L"))
        };
        let mut svg = String::new();
        if self.band.len() > 1 {
            let upper = self.band.iter().map(|(at, _, high)| (*at, *high));
            let lower = self.band.iter().rev().map(|(at, low, _)| (*at, *low));
            let outline = path(&mut upper.chain(lower));
            svg += &format!("<path class=\"c{number} band\" d=\"{outline}Z\"/>\n");
        }
        let line = path(&mut self.points.iter().copied());
        svg += &format!("<path class=\"c{number} curve\" d=\"{line}\"/>\n");
        if self.points.len() < 40 {
            for (at, value) in &self.points {
                svg += &format!(
                    "<circle class=\"c{number} fill\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.6\"><title>{}: {}</title></circle>",
                    x.place(*at),
                    y.place(*value),
                    label(*at),
                    label(*value)
                );
            }
            svg.push('\n');
        }
        svg
    }
}

/// An axis from values to places in the picture.
struct Axis {
    low: f64,
    high: f64,
    is_logarithmic: bool,
    places: (f64, f64),
}

impl Axis {
    /// The axis that reaches from the least to the largest value; `None` without values.
    fn linear(values: impl Iterator<Item = f64>, places: (f64, f64)) -> Option<Self> {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        // A single value gets an axis around it.
        let margin = if low < high { 0.0 } else { 0.5 };
        (low <= high).then_some(Self {
            low: low - margin,
            high: high + margin,
            is_logarithmic: false,
            places,
        })
    }

    /// The same with some air around it, and logarithmic if values of very different size are to be told apart.
    fn fitting(values: impl Iterator<Item = f64>, places: (f64, f64)) -> Option<Self> {
        let mut axis = Self::linear(values, places)?;
        axis.is_logarithmic = axis.low > 0.0 && axis.high / axis.low > LOGARITHMIC_RATIO;
        let (low, high) = (axis.scale(axis.low), axis.scale(axis.high));
        let margin = 0.06 * (high - low);
        let touches = |value: f64| value.abs() < 1e-9;
        // What begins at zero is drawn on the axis.
        axis.low = axis.unscale(if touches(low) && !axis.is_logarithmic {
            0.0
        } else {
            low - margin
        });
        axis.high = axis.unscale(high + margin);
        Some(axis)
    }

    fn scale(&self, value: f64) -> f64 {
        if self.is_logarithmic {
            value.ln()
        } else {
            value
        }
    }

    fn unscale(&self, value: f64) -> f64 {
        if self.is_logarithmic {
            value.exp()
        } else {
            value
        }
    }

    fn place(&self, value: f64) -> f64 {
        let (low, high) = (self.scale(self.low), self.scale(self.high));
        let along = (self.scale(value) - low) / (high - low);
        self.places.0 + along * (self.places.1 - self.places.0)
    }

    /// Round values within the axis, and how they are written.
    fn ticks(&self) -> Vec<(f64, String)> {
        let values: Vec<f64> = if self.is_logarithmic {
            let decades = (-12..=12).map(|exponent| 10_f64.powi(exponent));
            decades
                .flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * decade))
                .filter(|value| (self.low..=self.high).contains(value))
                .collect()
        } else {
            let rough = (self.high - self.low) / 4.0;
            let decade = 10_f64.powf(rough.log10().floor());
            let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|digit| digit * decade);
            let step = steps
                .into_iter()
                .find(|step| *step >= rough)
                .unwrap_or(rough);
            let first = (self.low / step - 1e-9).ceil();
            (0..12_u8)
                .map(|n| (first + f64::from(n)) * step)
                .filter(|value| *value <= self.high + 1e-9 * step)
                .collect()
        };
        values
            .into_iter()
            .map(|value| (value, label(value)))
            .collect()
    }
}

/// A number as an axis has it: three digits that mean something, thousands as k.
fn label(value: f64) -> String {
    let size = value.abs();
    if size < 1e-9 {
        return "0".to_owned();
    }
    let (value, unit) = if size >= 10_000.0 {
        (value / 1000.0, "k")
    } else {
        (value, "")
    };
    let decimals = if value.abs() >= 100.0 {
        0
    } else if value.abs() >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        let axis = Axis::fitting([low, high].into_iter(), (0.0, 1.0)).unwrap();
        axis.ticks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        assert_eq!(labels(0.0, 1.0), ["0", "0.5", "1"]);
        assert_eq!(labels(-3.1, -0.9), ["-3", "-2", "-1"]);
        assert_eq!(labels(50.0, 1000.0), ["50", "100", "200", "500", "1000"]);
        assert_eq!(labels(7.0, 7.0), ["6.5", "7", "7.5"]);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(
            [0.25, 30_000.0, 12.5, 1234.0, 0.5].map(label),
            ["0.25", "30k", "12.5", "1234", "0.5"]
        );
    }

    #[test]
    fn a_curve_ends_where_its_data_ends_however_long_it_is() {
        let points = (0..10_001).map(|i| (f64::from(i), 1.0)).collect();
        let curve = Curve::new("loss", points);
        assert!(curve.points.len() <= MAX_POINTS + 1);
        assert_eq!(curve.points.last(), Some(&(10_000.0, 1.0)));
    }

    #[test]
    fn without_points_there_is_no_picture() {
        let chart = |points| Chart {
            title: "a",
            x_axis: "b",
            curves: vec![Curve::new("c", points)],
        };
        assert!(chart(vec![(0.0, 1.0)]).to_svg().is_none());
        assert!(chart(vec![(0.0, 1.0), (1.0, f64::NAN)]).to_svg().is_none());
        assert!(chart(vec![(0.0, 1.0), (1.0, 1.0)]).to_svg().is_some());
    }
}
