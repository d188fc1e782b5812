export const create = (tag: string, ...content: (string | Node)[]): HTMLElement => {
  const created = document.createElement(tag)
  created.append(...content)
  return created
}

export const quiet = (text: string): HTMLElement => {
  const span = create('span', text)
  span.className = 'quiet'
  return span
}

export const number = (value: number): string => value.toLocaleString('en')

/** A time in UTC, to the second. */
export const time = (ms: number): string => {
  const at = new Date(ms)
  return Number.isNaN(at.getTime()) ? String(ms) : at.toISOString().slice(0, 19).replace('T', ' ')
}
