//! What several fuzz targets need.

#[path = "../../tests/offload/oracle/mod.rs"]
pub mod offload;
pub mod reference;
