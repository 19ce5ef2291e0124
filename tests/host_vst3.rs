//! The built plugin file in a VST3 host.

use crate::harness::vst3::{Vst3Host, classes};
use crate::playing::tests_on;

tests_on! {
    Vst3Host:
    every_note_of_the_pattern_is_heard_at_its_sample
    playback_equals_the_exported_notes
    block_sizes_do_not_change_the_notes
    every_pass_of_the_loop_is_the_same
    a_host_loop_of_four_bars_goes_on_like_the_song
    a_host_loop_of_an_odd_length_starts_anew_each_time
    a_host_loop_that_ends_inside_a_block_is_followed
    seeking_starting_mid_bar_and_stopping_lose_nothing
    a_count_in_before_the_song_is_played_too
    tempo_changes_move_the_notes_that_follow
    every_sample_rate_plays_the_same_music
    huge_blocks_play_the_same_notes
    realtime_playback_equals_the_bounce
    two_bounces_of_automated_requests_are_equal
    a_new_seed_takes_over_at_the_boundary_that_is_set
    bars_are_the_hosts_bars
    a_request_while_stopped_counts_from_the_next_start
    the_feel_changes_without_a_new_pattern
    notes_end_where_they_began_when_channel_or_map_change
    bypass_ends_every_note_and_the_song_goes_on_after_it
    without_any_transport_it_plays_on_its_own_clock
    a_host_without_a_song_position_gets_notes_at_its_tempo
    a_stopped_host_hears_nothing
    absurd_transports_are_survived
    numbers_that_are_none_are_survived
    everything_can_be_automated_while_it_plays
    the_kit_is_heard_at_its_level
    a_reloaded_project_plays_the_same_notes
    a_state_can_come_in_the_middle_of_the_song
    the_state_of_a_newer_version_is_read_as_far_as_it_goes
    a_saved_pattern_plays_without_its_checkpoint
    damaged_states_are_refused_and_change_nothing_that_plays
    two_instances_play_side_by_side
    it_can_be_removed_while_it_is_generating
    it_can_be_deactivated_and_activated_again_and_again
    every_value_of_every_parameter_reads_back_from_its_text
}

#[test]
fn the_factory_offers_one_instrument() {
    let classes = classes();
    assert_eq!(classes.len(), 1);
    assert_eq!(classes[0].name, "Fourbar");
    assert_eq!(classes[0].category, "Audio Module Class");
    // Permanent: projects name the plugin by it.
    #[cfg(not(target_os = "windows"))]
    assert_eq!(&classes[0].id, b"FourbarGrooveVAE");
}
