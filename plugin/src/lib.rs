//! The Fourbar plugin: learned 4-bar drum grooves as CLAP and VST3.

use nice_plug::prelude::*;
use std::sync::Arc;

pub mod editor;
pub mod kit;
pub mod mailbox;
pub mod params;
pub mod request;
pub mod scheduler;
pub mod shared;
pub mod transport;

use params::FourbarParams;
use shared::Shared;

/// The plugin, as the framework sees it.
pub struct Fourbar {
    params: Arc<FourbarParams>,
    shared: Arc<Shared>,
}

impl Default for Fourbar {
    fn default() -> Self {
        Self {
            params: Arc::new(FourbarParams::default()),
            shared: Arc::new(Shared::default()),
        }
    }
}

impl Plugin for Fourbar {
    const NAME: &'static str = "Fourbar";
    const VENDOR: &'static str = "Fourbar";
    const URL: &'static str = "";
    const EMAIL: &'static str = "";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");

    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[AudioIOLayout {
        main_input_channels: None,
        main_output_channels: Some(new_nonzero_u32(2)),
        ..AudioIOLayout::const_default()
    }];
    const MIDI_INPUT: MidiConfig = MidiConfig::Basic;
    const MIDI_OUTPUT: MidiConfig = MidiConfig::Basic;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.params.clone()
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<Box<dyn Editor>> {
        editor::create(self.params.clone(), self.shared.clone())
    }

    fn process(
        &mut self,
        _buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        _context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        ProcessStatus::KeepAlive
    }
}

impl ClapPlugin for Fourbar {
    const CLAP_ID: &'static str = "org.fourbar.fourbar";
    const CLAP_DESCRIPTION: Option<&'static str> = Some("Learned four-bar drum grooves");
    const CLAP_MANUAL_URL: Option<&'static str> = None;
    const CLAP_SUPPORT_URL: Option<&'static str> = None;
    const CLAP_FEATURES: &'static [ClapFeature] = &[
        ClapFeature::Instrument,
        ClapFeature::Drum,
        ClapFeature::DrumMachine,
        ClapFeature::Stereo,
    ];
}

impl Vst3Plugin for Fourbar {
    const VST3_CLASS_ID: [u8; 16] = *b"FourbarGrooveVAE";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Instrument, Vst3SubCategory::Drum];
}

nice_export_clap!(Fourbar);
nice_export_vst3!(Fourbar);
