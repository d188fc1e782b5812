export const CONNECTIONS = '/console/connections'
export const MYSELF = '/console/myself'

/** Where the connections of the home, or your own, have their pages. */
const connectionsAddress = (isPersonal: boolean): string =>
  isPersonal ? `${MYSELF}/connections` : CONNECTIONS

/** The address of the form for a new connection. */
export const newConnectionAddress = (isPersonal: boolean): string =>
  `${connectionsAddress(isPersonal)}/new`

/** The address of a connection's page. */
export const connectionAddress = ({
  id,
  account,
}: {
  readonly id: string
  readonly account: string | null
}): string => `${connectionsAddress(account !== null)}/${id}`
