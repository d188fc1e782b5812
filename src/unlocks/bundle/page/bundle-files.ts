import type { Bundle } from '../verify.ts'

/** Returns a bundle of the files that `file` finds by name; what it does not find is empty. */
export const bundleOf = (file: (name: string) => Blob | undefined): Bundle => {
  const taken = (name: string) => file(name) ?? new Blob()
  return {
    'entries.ndjson': taken('entries.ndjson'),
    'proofs.ndjson': taken('proofs.ndjson'),
    checkpoint: taken('checkpoint'),
    key: taken('key'),
  }
}

/** Returns the files that were dropped, and those of a dropped folder. */
export const droppedFiles = async (transfer: DataTransfer): Promise<readonly File[]> => {
  const roots = [...transfer.items].map((item) => item.webkitGetAsEntry())
  const files: File[] = []
  for (const root of roots) {
    if (root?.isFile) files.push(await fileOf(root as FileSystemFileEntry))
    if (root?.isDirectory)
      for (const inside of await entriesOf(root as FileSystemDirectoryEntry))
        if (inside.isFile) files.push(await fileOf(inside as FileSystemFileEntry))
  }
  return files
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> =>
  new Promise((resolve, reject) => entry.file(resolve, reject))

const entriesOf = (folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> =>
  new Promise((resolve, reject) => folder.createReader().readEntries(resolve, reject))
