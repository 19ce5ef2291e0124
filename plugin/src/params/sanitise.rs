//! What hosts hand over as a project, brought into a form in which it can be used.

use super::fields::SavedPattern;
use super::{EDITOR_SIDE_RANGE, FourbarParams, SavedExport, SavedLanes, SavedSlots};
use crate::inference::models::{BuiltIn, Choice};
use crate::request::{Input, Locks};
use nice_plug::editor::dpi::LogicalSize;
use nice_plug::plugin::ParamValue;
use nice_plug::prelude::*;
use nice_plug_egui::EguiState;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// In place of a field of a project: nothing.
const NOTHING: &str = "null";

/// Takes out of a project's state whatever this version cannot use: unknown parameters, values of the wrong kind or
/// out of range, a window of impossible size. What is taken out stays as it is, but for the model: a project that names
/// none, or nothing in its place, was saved when `groovae_4bar` was the only one in the plugin file.
pub fn sanitise(state: &mut PluginState) {
    let params = FourbarParams::new(Arc::default());
    complete(state, &params);
    let known: HashMap<String, ParamPtr> = params
        .param_map()
        .into_iter()
        .map(|(id, param, _)| (id, param))
        .collect();
    state
        .params
        .retain(|id, value| known.get(id).is_some_and(|&param| is_usable(param, value)));

    let fields = &mut state.fields;
    let fits = |editor: EguiState| {
        let LogicalSize { width, height } = editor.size();
        EDITOR_SIDE_RANGE.contains(&width) && EDITOR_SIDE_RANGE.contains(&height)
    };
    if fields
        .get("editor")
        .is_some_and(|text| !serde_json::from_str(text).is_ok_and(fits))
    {
        fields.remove("editor");
    }
    let names_a_model = |text: &String| serde_json::from_str::<Choice>(text).is_ok();
    if !fields.get("model").is_some_and(names_a_model) {
        let first = serde_json::Value::from(BuiltIn::Groovae4Bar.name());
        fields.insert("model".to_owned(), first.to_string());
    }
    let names_lanes = |text: &String| serde_json::from_str::<SavedLanes>(text).is_ok();
    if !fields.get("lanes").is_some_and(names_lanes) {
        fields.insert("lanes".to_owned(), "{}".to_owned());
    }
    let names_export = |text: &String| serde_json::from_str::<SavedExport>(text).is_ok();
    if !fields.get("export").is_some_and(names_export) {
        fields.insert("export".to_owned(), "{}".to_owned());
    }
    let has_slots = |text: &String| serde_json::from_str::<SavedSlots>(text).is_ok();
    if !fields.get("slots").is_some_and(has_slots) {
        fields.insert("slots".to_owned(), "[]".to_owned());
    }
    let has_locks = keep_if_whole::<Option<Locks>>(fields, "locks");
    let has_input = keep_if_whole::<Option<Input>>(fields, "input");
    let is_complete = has_locks && has_input;
    if let Some(text) = fields
        .get_mut("pattern")
        .filter(|text| !is_complete || serde_json::from_str::<SavedPattern>(text).is_err())
    {
        // The framework would skip this silently, and without its locks and its input a pattern cannot be made again as it was; in this
        // form it is reported as damaged.
        *text = serde_json::Value::from("not JSON").to_string();
    }
}

/// Puts nothing in place of a field that is missing or cannot be read; whether it could.
fn keep_if_whole<T: DeserializeOwned>(fields: &mut BTreeMap<String, String>, name: &str) -> bool {
    let text = fields.entry(name.to_owned()).or_insert(NOTHING.to_owned());
    let is_whole = serde_json::from_str::<T>(text).is_ok();
    if !is_whole {
        *text = NOTHING.to_owned();
    }
    is_whole
}

/// Gives a project of before there were parameters for playing their values at rest, so that it plays as it did in an
/// instance in which they had been moved, too.
fn complete(state: &mut PluginState, params: &FourbarParams) {
    if let Some(&ParamValue::F32(temperature)) = state.params.get("temperature") {
        // There was one temperature for hits and feel.
        let feel = ParamValue::F32(temperature);
        state
            .params
            .entry("feel_temperature".to_owned())
            .or_insert(feel);
    }
    state
        .params
        .entry("mute".to_owned())
        .or_insert(ParamValue::Bool(false));
    let later = [
        params.play.param_map(),
        params.level.param_map(),
        params.form.param_map(),
        params.slots.param_map(),
        params.notes_in.param_map(),
        params.lanes.param_map(),
        params.kit.param_map(),
    ]
    .concat();
    for (id, param, _) in later {
        state.params.entry(id).or_insert_with(|| at_rest(param));
    }
}

/// The default of a parameter, as projects save it.
fn at_rest(param: ParamPtr) -> ParamValue {
    #[expect(
        unsafe_code,
        reason = "the caller holds the parameters that the pointer points into"
    )]
    let plain = unsafe { param.preview_plain(param.default_normalized_value()) };
    #[expect(clippy::cast_possible_truncation, reason = "a small whole number")]
    match param {
        ParamPtr::FloatParam(_) => ParamValue::F32(plain),
        ParamPtr::IntParam(_) | ParamPtr::EnumParam(_) => ParamValue::I32(plain as i32),
        ParamPtr::BoolParam(_) => ParamValue::Bool(plain > 0.5),
    }
}

/// Whether `value` is of the parameter's kind; brings it into the parameter's range.
fn is_usable(param: ParamPtr, value: &mut ParamValue) -> bool {
    #[expect(
        unsafe_code,
        reason = "the caller holds the parameters that the pointer points into"
    )]
    let (min, max) = unsafe { (param.preview_plain(0.0), param.preview_plain(1.0)) };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole numbers below a million"
    )]
    let whole_range = min as i32..=max as i32;
    match (param, value) {
        (ParamPtr::FloatParam(_), ParamValue::F32(value)) => {
            *value = value.clamp(min, max);
            !value.is_nan()
        }
        (ParamPtr::IntParam(_), ParamValue::I32(value)) => {
            *value = (*value).clamp(*whole_range.start(), *whole_range.end());
            true
        }
        (ParamPtr::EnumParam(_), ParamValue::I32(index)) => whole_range.contains(index),
        (ParamPtr::EnumParam(_), ParamValue::String(_))
        | (ParamPtr::BoolParam(_), ParamValue::Bool(_)) => true,
        _ => false,
    }
}
