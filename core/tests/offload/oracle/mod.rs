//! Splitting and merging by a second reading of their rules, and packets to try them on: slow, plain, and sharing nothing
//! with the driver. For the tests beside it and for the fuzz targets.

pub mod checksum;
pub mod headers;
pub mod laws;
pub mod merging;
pub mod packet;
pub mod splitting;
pub mod story;
