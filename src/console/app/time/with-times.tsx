import { Time } from './time.tsx'

/** A text, with the times in it in the home's zone. */
export const withTimes = (text: string) =>
  text
    .split(/(\d{4}-\d\d-\d\dT[\d:.]+Z)/)
    .map((part, index) => (index % 2 === 1 ? <Time key={part} at={part} format="exact" /> : part))
