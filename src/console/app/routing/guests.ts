export const GUESTS = '/console/guests'
export const NEW_GUEST = `${GUESTS}/new`

/** The address of a guest's page. */
export const guestAddress = (id: string): string => `${GUESTS}/${id}`
