// SPDX-License-Identifier: Apache-2.0

const words = (text: string): readonly string[] => text.trim().split(/\s+/)
const wordSet = (text: string): ReadonlySet<string> => new Set(words(text))

/** Nouns that make a word secret wherever they stand in it. */
export const secretNouns = words(`
  password passwd passphrase token secret authorization authorisation bearer cookie credential
`)

/** Nouns of two words, found with any separator or none, also when more letters touch them (`myapi_keys`). */
export const secretPairs: readonly (readonly [string, string])[] = [
  ['api', 'key'],
  ['m2m', 'key'],
  ['cert', 'private'],
  ['private', 'key'],
  ['access', 'key'],
  ['session', 'id'],
]

/** Nouns of several words that must be those words exactly, with any separator or none. */
export const secretPhrases = wordSet(`
  password m2mkey signingkey encryptionkey masterkey accountkey recoverycode recoverycodes
  recoveryphrase seedphrase backupcodes
`)

/** Secret only as a whole word: too short to be looked for inside others. */
export const secretWords = wordSet(`
  pwd cvv cvv2 cvc cvc2 csc otp totp jwt passcode mnemonic
`)

/** Words that contain a secret noun and mean something else. */
export const lookalikes = wordSet(`
  secretary secretaries secretarial secretariat secretion tokenizer tokenizers tokenize tokenized
  tokenizing tokenization tokeniser tokenisers tokenise tokenised tokenising tokenisation tokenomics
  passwordless tokenless cookieless keyboard keyboards keyword keywords
`)

/** Heads of names that describe a secret instead of holding it. */
export const descriptors = wordSet(`
  count counts counter number total totals sum avg average min max limit limits quota budget usage used
  remaining rate ratio percent cost costs price prices size length len bytes chars details stats
  statistics metrics index type types kind name names version status state enabled disabled required
  optional present missing valid invalid validity verified expired expires expiry expiration lifetime
  ttl age at on date time timestamp ts ms sec secs second seconds minute minutes hours days changed
  created updated rotated rotation revoked issued attempts failures errors retries policy policies
  strength consent consents banner preference preferences accepted notice settings scope scopes audience
  issuer provider algorithm alg format endpoint method model category window per speed
`)

/** An id of these is a public handle; an id of a session, a cookie or a secret is as good as the thing. */
export const publicHandles = wordSet(`
  token tokens credential credentials apikey apikeys
`)

/** Words before a plural that turn it into a number of things. */
export const measures = wordSet(`
  n num number no count total sum avg average mean max maximum min minimum prompt completion input
  output in out cached cache read write creation reasoning thinking thought thoughts context generated
  generation new used unused remaining budget limit estimated billed billable free accepted rejected
  prediction image audio text video tool candidates system embedding per response request sampled chunk
  document evaluated
`)

/** First words that make the name a yes-or-no question. */
export const questions = wordSet(`
  is has had was were did does can may must should needs need requires require allow allows use uses
  with without no missing enable enables disable
`)

/** Names under which a Luhn digit is enough for a card. */
export const cardWords = wordSet(`
  card cards pan cc ccn creditcard debitcard cardnumber cardno ccnumber
`)

/** Names of times, sizes, telephones and devices: their digits are no card. */
export const neverWords = wordSet(`
  timestamp timestamps ts time times date epoch ms us ns millis micros nanos milliseconds microseconds
  nanoseconds seconds duration elapsed latency seq sequence offset lsn count bytes size at imei imeisv
  iccid imsi msisdn phone phones tel telephone mobile fax ean gtin upc isbn issn barcode snowflake lat
  lon latitude longitude version
`)

/** Names of things that are numbered: their digits are a card only with the prefix and length of a brand. */
export const identifierWords = wordSet(`
  id ids uuid guid ref refs reference order orders trace span request correlation serial tracking
  invoice invoices transaction transactions txn sku lot batch hash digest checksum etag ticket shipment
  parcel job run revision commit build
`)
