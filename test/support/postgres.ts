import { postgresAddress } from '../../src/config/postgres-address.ts'

/** The address of a server, such as `postgres://postgres@127.0.0.1:5432/test`: feature tests then run on it. */
const SERVER = process.env['TEST_POSTGRES']

/** Returns settings for an empty database of its own: in memory, or a new schema on the server. */
export const testPlace = () =>
  SERVER === undefined
    ? { databasePath: ':memory:', postgres: undefined }
    : {
        postgres: postgresAddress(
          `${SERVER}?schema=test_${crypto.randomUUID().replaceAll('-', '')}`,
        ),
      }
