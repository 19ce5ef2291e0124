//! Bars of every metre, in every format; `host_clap.rs` and `host_vst3.rs` run it.

use fourbar_model::drums::{DrumMap, Voice};
use fourbar_model::groove::Groove;
use fourbar_model::pattern::Feel;
use fourbar_plugin::request::Metre;

use crate::harness::rule::check;
use crate::harness::{Host, NoteEvent, Player};
use crate::playing::whole_song;

/// Writes a test for each function of this module, on one kind of host.
macro_rules! metres_tests_on {
    ($host:ty) => {
        $crate::harness::tests_on! {
            metres, $host:
            bars_are_the_hosts_in_every_metre
            bars_begin_where_the_hosts_do
        }
    };
}
pub(crate) use metres_tests_on;

pub(crate) fn bars_are_the_hosts_in_every_metre<H: Host>() {
    let mut player = Player::<H>::offline();
    let plain = player.wait_for_pattern(|_| true);
    for (numerator, denominator) in [(3, 4), (5, 4), (6, 8), (7, 8), (12, 8)] {
        player.transport.time_signature = Some((numerator, denominator));
        let [numerator, denominator] =
            [numerator, denominator].map(|number| u8::try_from(number).unwrap());
        let metre = Metre::new(numerator, denominator);
        let ready = player.wait_for_pattern(|ready| ready.request.metre == metre);
        assert_eq!(
            ready.plain_groove(),
            plain.plain_groove(),
            "the same groove"
        );
        let played = Groove::from_pattern(&ready.pattern);
        assert_eq!(played.n_steps(), 4 * metre.unit_steps());
        for bar in 0..4 {
            let of_model = plain.plain_groove();
            for voice in Voice::ALL {
                let one = played.cell(bar * metre.unit_steps(), voice);
                assert_eq!(
                    one,
                    of_model.cell(16 * bar, voice),
                    "the one of bar {bar} in {metre:?}"
                );
            }
        }
        player.forget();
        player.seek(0.0);
        let bar_beats = player.transport.beats_per_bar();
        player.play(19.0 * bar_beats);
        player.seek(5.0 * bar_beats + 0.3);
        player.play(9.0 * bar_beats);
        player.stop();
        check(
            &player,
            &whole_song(&ready),
            Feel::AS_GENERATED,
            &DrumMap::GM.keys(),
        );
    }
}

pub(crate) fn bars_begin_where_the_hosts_do<H: Host>() {
    // After a bar of 7/8.
    let notes = |from_beats: f64| -> Vec<(u64, u8, Option<u32>)> {
        let mut player = Player::<H>::offline().with_blocks(&[500, 1_000]);
        player.wait_for_pattern(|_| true);
        player.transport.bars_from_beats = from_beats;
        player.seek(from_beats);
        let start = player.now();
        player.play(20.0);
        player.stop();
        let note = |event: &NoteEvent| {
            (
                event.sample - start,
                event.pitch,
                event.velocity.map(f32::to_bits),
            )
        };
        player.heard.iter().map(note).collect()
    };
    assert_eq!(notes(3.5), notes(0.0));
}
