//! Apache Parquet, a row group a shard.

use crate::catalog::folder::Folder;
use crate::catalog::format::{Item, Shard};
use crate::error::{Error, Result};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, FloatType};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::fs::File;
use std::sync::Arc;

const SCHEMA: &str = "message catalog {
    required binary id (UTF8);
    required binary title (UTF8);
    required binary photo (UTF8);
    optional binary link (UTF8);
    optional binary price (UTF8);
    required binary attributes (UTF8);
    required group vector (LIST) { repeated group list { required float element; } }
}";

/// Writes all shards of a catalog folder.
pub fn write(catalog: &Folder, file: File) -> Result<()> {
    let schema = Arc::new(parse_message_type(SCHEMA).map_err(fault)?);
    // a vector's numbers repeat too rarely for a dictionary
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::UNCOMPRESSED)
        .set_column_dictionary_enabled("vector.list.element".into(), false)
        .build();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(fault)?;
    for shard in catalog.shards() {
        let (shard, items) = shard?;
        let mut group = writer.next_row_group().map_err(fault)?;
        write_items(&mut group, &items)?;
        write_vectors(&mut group, &shard)?;
        group.close().map_err(fault)?;
    }
    writer.close().map_err(fault)?;
    Ok(())
}

fn write_items(group: &mut SerializedRowGroupWriter<'_, File>, items: &[Item]) -> Result<()> {
    let attributes: Vec<String> = items
        .iter()
        .map(|item| serde_json::to_string(&item.attributes).map_err(|e| Error::Catalog(e.to_string())))
        .collect::<Result<_>>()?;
    let always = |text: fn(&Item) -> &str| items.iter().map(|item| Some(text(item))).collect::<Vec<_>>();
    strings(group, &always(|item| &item.id), false)?;
    strings(group, &always(|item| &item.title), false)?;
    strings(group, &always(|item| &item.photo), false)?;
    strings(group, &items.iter().map(|item| item.link.as_deref()).collect::<Vec<_>>(), true)?;
    strings(group, &items.iter().map(|item| item.price.as_deref()).collect::<Vec<_>>(), true)?;
    strings(group, &attributes.iter().map(|text| Some(text.as_str())).collect::<Vec<_>>(), false)
}

fn strings(group: &mut SerializedRowGroupWriter<'_, File>, texts: &[Option<&str>], optional: bool) -> Result<()> {
    let values: Vec<ByteArray> = texts.iter().flatten().map(|text| ByteArray::from(*text)).collect();
    let present: Vec<i16> = texts.iter().map(|text| i16::from(text.is_some())).collect();
    let mut column = group.next_column().map_err(fault)?.ok_or_else(no_column)?;
    column.typed::<ByteArrayType>().write_batch(&values, optional.then_some(&present), None).map_err(fault)?;
    column.close().map_err(fault)
}

fn write_vectors(group: &mut SerializedRowGroupWriter<'_, File>, shard: &Shard) -> Result<()> {
    let values = shard.floats();
    let present = vec![1i16; values.len()];
    // 0 starts a list, 1 goes on with it
    let repeated: Vec<i16> = (0..values.len()).map(|i| i16::from(i % shard.dimension != 0)).collect();
    let mut column = group.next_column().map_err(fault)?.ok_or_else(no_column)?;
    column.typed::<FloatType>().write_batch(&values, Some(&present), Some(&repeated)).map_err(fault)?;
    column.close().map_err(fault)
}

fn no_column() -> Error {
    Error::Argument("exporting: expected a column for every field, got too few; this is a fault of the program".into())
}

fn fault(error: parquet::errors::ParquetError) -> Error {
    Error::Argument(format!("exporting to Parquet: {error}; check that the disk has room"))
}
