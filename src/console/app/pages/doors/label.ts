/** As long as labels may be. */
const CHARACTERS_MAX = 32

/** Proposes a label for a door: its name in the letters that labels may have, with a number if nothing of it
 * remains or the label is taken. */
export const proposedLabel = (name: string, taken: readonly string[]): string => {
  const plain = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll('ß', 'ss')
    .replaceAll(/[\u0300-\u036f’']/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
  const base = trimmed(plain.slice(0, CHARACTERS_MAX)) || 'door'
  if (base !== 'door' && !taken.includes(base)) return base
  for (let number = base === 'door' ? 1 : 2; ; number += 1) {
    const ending = `-${number}`
    const label = trimmed(base.slice(0, CHARACTERS_MAX - ending.length)) + ending
    if (!taken.includes(label)) return label
  }
}

const trimmed = (label: string): string => label.replaceAll(/^-+|-+$/g, '')

/** Proposes a name for a label that phones reported: `cellar-door` is `Cellar door`. */
export const proposedName = (label: string): string => {
  const words = label.replaceAll('-', ' ')
  return words.charAt(0).toUpperCase() + words.slice(1)
}
