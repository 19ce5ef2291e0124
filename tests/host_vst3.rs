//! The built plugin file in a VST3 host.

use crate::harness::vst3::{Vst3Host, classes};
use crate::playing::tests_on;

tests_on!(Vst3Host);

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
