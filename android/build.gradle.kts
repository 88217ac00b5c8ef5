// The library as apps get it, for Android Studio. Not run here: see README.md. What pom.xml compiles and tests is the
// same sources; what is new here is the packaging.
plugins {
    id("com.android.library") version "8.13.0"
    id("org.jetbrains.kotlin.android") version "2.4.21"
}

android {
    namespace = "adit.android"
    // The newest that is released. 34 is the first to know the foreground service type of VPNs.
    compileSdk = 36

    defaultConfig {
        // The generated sources tell times as java.time.Instant, and notifications need channels: both are of 26.
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
    }

    sourceSets["main"].kotlin.srcDir("../target/bindings/kotlin")
    // The native library for each processor, such as jniLibs/arm64-v8a/libadit_ffi.so.
    sourceSets["main"].jniLibs.srcDir("../target/bindings/jniLibs")
    // The tests need a TUN descriptor and a foreign peer: Maven runs them.
    sourceSets["test"].kotlin.setSrcDirs(emptyList<Any>())

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

kotlin {
    compilerOptions {
        allWarningsAsErrors = true
    }
}

dependencies {
    // The archive with JNA's own native library for each processor.
    implementation("net.java.dev.jna:jna:5.19.1@aar")
    implementation("org.jetbrains.kotlinx:kotlinx-coroutines-core:1.11.0")
}
