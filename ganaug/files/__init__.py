"""Data in files: tables as CSV and Parquet, images as a folder of PNG or JPEG files per class.

Reading tells what is wrong with a file before anything is trained; writing is all or nothing.
"""

from ganaug.files.images import ImageFolder, read_images, write_images
from ganaug.files.tables import Table, check_output, is_table, read_table, write_frame, write_table
from ganaug.paths import check_free

__all__ = [
    "ImageFolder",
    "Table",
    "check_free",
    "check_output",
    "is_table",
    "read_images",
    "read_table",
    "write_frame",
    "write_images",
    "write_table",
]
