"""What one submission may use. The defaults leave an honest notebook of this course far from any of them."""

from dataclasses import dataclass

MB = 1 << 20


@dataclass(frozen=True)
class Limits:
    cell_seconds: float = 60  # then the cell is interrupted, as by the Stop button
    grace_seconds: float = 3  # after the interrupt; then the process is killed
    notebook_seconds: float = 600  # all cells together, repeats after a killed process included
    cpu_seconds: int = 600  # of one process
    memory: int = 3072 * MB  # of address space, beyond what the imported libraries take
    processes: int = 64  # and threads
    open_files: int = 256
    file_bytes: int = 128 * MB  # the largest file
    scratch_bytes: int = 256 * MB  # all files together; they are kept in memory
    text_bytes: int = MB  # printed by one cell
    rich_bytes: int = 8 * MB  # plots, widgets and other displays of one cell
    notebook_bytes: int = 32 * MB  # all outputs of a notebook
    flood_bytes: int = 256 * MB  # sent by one cell, kept or not; then the process is killed
    frame_values: int = 200_000  # JSON values in one display; each takes a hundred bytes outside the sandbox
