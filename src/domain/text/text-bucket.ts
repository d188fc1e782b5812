/** How many buckets there are. Few enough that the number of one does not tell whose text it was. */
const BUCKETS = 4096

/** Returns the bucket of a text: a small number by which an index finds it without a copy of it. SQLite
 * may leave bytes of an index behind in its file, and an erased text must not be among them. The key, at
 * random for each database, keeps members from choosing methods of one bucket, in which each look-up
 * would then be slow. */
export const textBucket = (text: string, key: string): number =>
  new Bun.CryptoHasher('sha256')
    .update(key + text)
    .digest()
    .readUInt16BE(0) % BUCKETS

/** The name of the setting with the key. */
export const BUCKET_KEY = 'unlock_bucket_key'
