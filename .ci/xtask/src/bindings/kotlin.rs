//! The native interface's test in Kotlin, together with Android's library: a JVM with the real Android framework.

use xshell::{Shell, cmd};

use super::{LAB, guide, in_lab};
use crate::check;
use crate::error::Error;
use crate::install::{Tools, find};
use crate::skip;

const WHAT: &str = "the Kotlin bindings' tests";

/// Maven says what is wrong, and surefire what it ran. A warning of Kotlin's is an error already.
const QUIET: [&str; 6] = [
    "--batch-mode",
    "--no-transfer-progress",
    "-Dstyle.color=never",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.org.jetbrains.kotlin.maven=error",
    "-Dorg.slf4j.simpleLogger.log.org.apache.maven.plugin.surefire=info",
];

/// Tests on a JVM with a real TUN descriptor and a foreign peer.
pub(crate) fn kotlin(sh: &Shell, tools: &Tools) -> Result<(), Error> {
    if ["mvn", "javac"].iter().any(|program| find(program).is_none()) {
        skip(WHAT, "there is no Maven, or no JDK");
        return Ok(());
    }
    in_lab(sh, tools, WHAT, |generated| {
        // A source that Maven compiles with the tests.
        sh.write_file(generated.join("guide/Guide.kt"), guide(sh, "kotlin")?)?;
        let target = check::target_folder(sh)?;
        // Or the compiled tests of a source that is gone would run on.
        sh.remove_path(target.join("android"))?;
        let _options = sh.push_env("MAVEN_OPTS", maven_options(sh));
        let project = ["--file", "android/pom.xml"];
        println!("needed: Kotlin, JNA, JUnit and Android's framework; Maven downloads what it lacks of them");
        cmd!(sh, "mvn {QUIET...} {project...} -Dadit.target={target} -DskipTests test").run()?;
        // No repository answers in the lab.
        Ok(cmd!(sh, "{LAB} mvn {QUIET...} {project...} -Dadit.target={target} --offline surefire:test")
            .run()?)
    })
}

/// The developer's own, and to begin compiling sooner, which takes half the time for a build so small. A JVM that does so
/// keeps too little room for what it has compiled.
fn maven_options(sh: &Shell) -> String {
    let own = sh.var("MAVEN_OPTS").unwrap_or_default();
    format!("{own} -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=128m")
}
