/** A condition that always holds. A statement outside transactions that has it does not wait for a synchronous standby:
 * while that is lost, it would block the connection, and with it reads. Only for what may be lost in a failover. */
export const COMMITS_LOCALLY = "set_config('synchronous_commit', 'local', true) = 'local'"
