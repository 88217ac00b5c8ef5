//! Packets of several flows on their way into a TUN descriptor of any kind, usual, strange and damaged: each write by a
//! second reading of the rules, and taken apart it is what was pushed.
#![no_main]

use adit_fuzz::offload::laws;
use adit_fuzz::offload::story::Story;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let story = Story::read(input);
    laws::merge(story.form, &story.packets);
});
