//! The native window: opening inside the host's, resizing by the user or by the host, and display scale.
//!
//! The framework's own egui editor neither lets a host resize it nor survives a machine without OpenGL, so this is
//! ours; it draws through the same egui backend. On Linux the window has its own thread, elsewhere the host's main
//! thread draws it.
//!
//! Three measures: *points*, in which everything here is laid out and a project keeps the size; *logical pixels*, which are
//! points times the user's zoom, and in which the backend counts; physical pixels, which are those times the display's scale.

use super::handover::Landing;
use super::look::Look;
use super::zoom::Zoom;
use super::{View, keys, notice, theme};
use atomic_float::AtomicF32;
use egui::{Ui, Vec2, ViewportCommand};
use nice_plug::context::gui::GuiContext;
use nice_plug::editor::dpi::{LogicalSize, PhysicalSize, Size};
use nice_plug::editor::{ParentWindowHandle, ResizeHint};
use nice_plug::params::persist::PersistentField;
use nice_plug::prelude::{Editor, ParamSetter};
use nice_plug_egui::baseview::{WindowHandle, WindowScalePolicy};
use nice_plug_egui::{EguiState, EguiWindow, EguiWindowSettings, GraphicsConfig};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Below this size, in points, things no longer fit.
pub(super) const MIN_SIZE: Vec2 = Vec2::new(900.0, 560.0);

/// The editor, as the framework sees it. Owned by the host's main thread; the window holds the same [`Frame`].
pub(super) struct EditorWindow {
    view: Arc<Mutex<View>>,
    frame: Arc<Frame>,
}

/// Size and scale of the window, shared by the host's main thread and the window's.
struct Frame {
    /// The size in points, which projects keep.
    state: Arc<EguiState>,
    /// The zoom that the open window has, in per cent.
    zoom_percent: AtomicU8,
    /// Physical pixels to a logical one as the host says, which then scales our sizes itself; 0 if it says nothing.
    host_scale: AtomicF32,
    /// The same as the open window has it; 0 before it was opened.
    window_scale: AtomicF32,
    /// A size that the window has yet to take, in logical pixels.
    wanted: Mutex<Option<Vec2>>,
    is_open: AtomicBool,
    /// Whether the user is dragging the corner; then the host's answers to our requests come too late to be followed.
    is_dragged: AtomicBool,
}

impl EditorWindow {
    pub(super) fn new(view: View, state: Arc<EguiState>) -> Self {
        let frame = Frame {
            state,
            zoom_percent: AtomicU8::new(0),
            host_scale: AtomicF32::new(0.0),
            window_scale: AtomicF32::new(0.0),
            wanted: Mutex::default(),
            is_open: AtomicBool::new(false),
            is_dragged: AtomicBool::new(false),
        };
        Self {
            view: Arc::new(Mutex::new(view)),
            frame: Arc::new(frame),
        }
    }

    fn open(&self, parent: &ParentWindowHandle, context: Arc<dyn GuiContext>) -> WindowHandle {
        locked(&self.view).outbox.host_window = number_of(parent);
        let scale_policy = match self.frame.host_scale() {
            Some(factor) => WindowScalePolicy::ScaleFactor(f64::from(factor)),
            None => WindowScalePolicy::SystemScaleFactor,
        };
        let settings = EguiWindowSettings {
            title: "Fourbar".to_owned(),
            size: self.frame.logical_size().into(),
            scale_policy,
            graphics: GraphicsConfig::default(),
        };
        let (of_output, of_update) = (self.frame.clone(), self.frame.clone());
        let host = context.clone();
        let zoom_percent = Look::now().zoom_percent;
        self.frame
            .zoom_percent
            .store(zoom_percent, Ordering::Relaxed);
        let (mut dressed, mut is_broken) = (None, false);
        EguiWindow::open_parented(
            parent,
            settings,
            self.view.clone(),
            |egui, _commands, _view| {
                theme::install(egui);
                Zoom::install(egui);
            },
            move |_output, viewport, _view| {
                for command in &viewport.commands {
                    if let ViewportCommand::InnerSize(size) = command {
                        of_output.ask_host(*size, host.as_ref());
                    }
                }
            },
            move |ui, commands, view| {
                notice::draw_or_say(&mut is_broken, ui, |ui| {
                    of_update.follow(ui, context.as_ref());
                    let theme = Look::now().theme;
                    if dressed.replace(theme) != Some(theme) {
                        theme::dress(ui.ctx(), theme);
                        commands.clear_color(egui::Color32::from(theme::BACKGROUND).into());
                    }
                    // The backend keeps these from the host, and that only while something here has the keyboard.
                    commands.set_key_capture(keys::captured(ui.ctx()));
                    let setter = ParamSetter::new(context.as_ref());
                    let corner = locked(view).show(ui, &setter);
                    of_update
                        .is_dragged
                        .store(corner.is_dragged, Ordering::Relaxed);
                    if let Some(size) = corner.wanted_size {
                        let zoom = Look::now().zoom();
                        // The corner is dragged in points that are smaller where the window was too small for the zoom.
                        let points = size * (Zoom::of(ui.ctx()).factor / zoom);
                        let size = points.max(MIN_SIZE) * zoom;
                        ui.ctx().send_viewport_cmd(ViewportCommand::InnerSize(size));
                    }
                    // The playhead, the meter and values that the host automates may change at any time.
                    ui.ctx().request_repaint();
                });
            },
        )
    }
}

impl Frame {
    /// In points.
    fn size(&self) -> Vec2 {
        let size = self.state.size();
        Vec2::new(size.width, size.height)
    }

    /// Takes a size in points.
    fn set_size(&self, size: Vec2) {
        let state = EguiState::from_size(LogicalSize::new(size.x, size.y));
        // Nobody else holds a state that was just made.
        if let Some(state) = Arc::into_inner(state) {
            PersistentField::set(&self.state, state);
        }
    }

    fn logical_size(&self) -> LogicalSize<f32> {
        let size = self.size() * Look::now().zoom();
        LogicalSize::new(size.x, size.y)
    }

    /// The window is about to take `logical`: asks the host to make room, unless it was the host that wanted it.
    fn ask_host(&self, logical: Vec2, host: &dyn GuiContext) {
        let before = self.size();
        let size = logical / Look::now().zoom();
        if !differ(size, before) {
            return;
        }
        self.set_size(size);
        if !host.request_resize() {
            self.set_size(before);
            *locked(&self.wanted) = Some(before * Look::now().zoom());
        }
    }

    /// Before each frame: takes the size that the host wants, and notices another zoom and the scale of the display.
    fn follow(&self, ui: &Ui, host: &dyn GuiContext) {
        self.follow_zoom(host);
        if let Some(size) = locked(&self.wanted).take() {
            ui.ctx().send_viewport_cmd(ViewportCommand::InnerSize(size));
        }
        let now = Zoom::of(ui.ctx()).scale;
        let before = self.window_scale.swap(now, Ordering::Relaxed);
        let assumed = if before > 0.0 { before } else { 1.0 };
        if self.host_scale().is_none() && now.to_bits() != assumed.to_bits() {
            // The host made room for another number of pixels; a refusal leaves the window too small, and all in it.
            host.request_resize();
        }
    }

    /// Where the user has chosen another zoom, the window becomes as much larger, if the host lets it. Else there is room for
    /// fewer points.
    fn follow_zoom(&self, host: &dyn GuiContext) {
        let look = Look::now();
        if self.zoom_percent.load(Ordering::Relaxed) == look.zoom_percent {
            return;
        }
        let size = self.size();
        if host.request_resize() {
            self.zoom_percent
                .store(look.zoom_percent, Ordering::Relaxed);
            *locked(&self.wanted) = Some(size * look.zoom());
        } else {
            self.keep_extents();
        }
    }

    /// Counts the window as it is in points of the zoom that the user has chosen.
    fn keep_extents(&self) {
        let now = Look::now().zoom_percent;
        let before = self.zoom_percent.swap(now, Ordering::Relaxed);
        if before != now {
            self.set_size(self.size() * f32::from(before) / f32::from(now));
        }
    }

    fn host_scale(&self) -> Option<f32> {
        Some(self.host_scale.load(Ordering::Relaxed)).filter(|&factor| factor > 0.0)
    }

    /// Physical pixels that a host counts for one of ours. On macOS hosts count logical ones.
    fn scale(&self) -> f32 {
        let window = Some(self.window_scale.load(Ordering::Relaxed)).filter(|&factor| factor > 0.0);
        if cfg!(target_os = "macos") {
            1.0
        } else {
            self.host_scale().or(window).unwrap_or(1.0)
        }
    }
}

impl Editor for EditorWindow {
    fn spawn(&self, parent: ParentWindowHandle, context: Arc<dyn GuiContext>) -> Box<dyn Any> {
        let opened = notice::has_opengl()
            .then(|| catch_unwind(AssertUnwindSafe(|| self.open(&parent, context))));
        if let Some(Ok(window)) = opened {
            self.frame.is_open.store(true, Ordering::Relaxed);
            let view = self.view.clone();
            let land = move |files: Vec<PathBuf>| locked(&view).groove_in.land(files);
            return Box::new(OpenWindow {
                window,
                _landing: Landing::open(number_of(&parent), land),
                frame: self.frame.clone(),
            });
        }
        let scale = f64::from(self.frame.scale());
        let size = self.frame.logical_size().to_physical::<u16>(scale);
        notice::show(&parent, size.width, size.height)
    }

    fn size(&self) -> Size {
        let size = self.frame.logical_size();
        // A host that told us its scale multiplies by it; for any other we do.
        match self.frame.host_scale() {
            Some(_) => size.into(),
            None => size
                .to_physical::<u32>(f64::from(self.frame.scale()))
                .into(),
        }
    }

    fn set_size(&self, physical_size: PhysicalSize<u32>) -> bool {
        if !self.frame.is_dragged.load(Ordering::Relaxed) {
            let logical: LogicalSize<f32> = physical_size.to_logical(f64::from(self.frame.scale()));
            let logical = Vec2::new(logical.width, logical.height);
            let size = logical / Look::now().zoom();
            if differ(size, self.frame.size()) {
                self.frame.set_size(size);
                *locked(&self.frame.wanted) = Some(logical);
            }
        }
        true
    }

    fn resize_hint(&self) -> ResizeHint {
        ResizeHint::resizable()
    }

    #[expect(clippy::cast_possible_truncation, reason = "scale factors are small")]
    fn set_scale_factor(&self, factor: f64) -> bool {
        // Live calls this with the editor open; the open window cannot change its scale.
        let is_open = self.frame.is_open.load(Ordering::Relaxed);
        if is_open || !factor.is_finite() || factor <= 0.0 {
            return false;
        }
        self.frame
            .host_scale
            .store(factor as f32, Ordering::Relaxed);
        true
    }

    fn param_value_changed(&self, _id: &str, _normalized_value: f32) {}

    fn param_modulation_changed(&self, _id: &str, _modulation_offset: f32) {}

    fn param_values_changed(&self) {}
}

/// Whether two sizes differ by more than what is lost in rounding to pixels.
fn differ(a: Vec2, b: Vec2) -> bool {
    (a - b).abs().max_elem() >= 1.0
}

/// The number by which the system knows the host's window.
fn number_of(parent: &ParentWindowHandle) -> usize {
    match *parent {
        ParentWindowHandle::XcbWindow(window) => usize::try_from(window.get()).unwrap_or(0),
        ParentWindowHandle::XlibWindow(window) => usize::try_from(window).unwrap_or(0),
        ParentWindowHandle::Win32Hwnd(window) => window.get().cast_unsigned(),
        ParentWindowHandle::AppKitNsView(view) => view.addr().get(),
    }
}

/// The window's handle; dropping it closes the window.
struct OpenWindow {
    window: WindowHandle,
    _landing: Option<Landing>,
    frame: Arc<Frame>,
}

impl Drop for OpenWindow {
    fn drop(&mut self) {
        self.window.close();
        // No frame may have been drawn since another zoom was chosen.
        self.frame.keep_extents();
        self.frame.is_open.store(false, Ordering::Relaxed);
        self.frame.is_dragged.store(false, Ordering::Relaxed);
    }
}

/// Locks `mutex`; a panic of another holder leaves sizes and views usable.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
