/** The most characters of a unit, and of the label of an invitation. */
export const UNIT_CHARACTERS_MAX = 80
