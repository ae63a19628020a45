// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto'
import { verifierKey, type NoteSigner } from 'fasten/core'
import { ed25519FromSeed, ed25519Pair, sha256 } from 'fasten/store'
import { derived } from '../../database/fleet-database.ts'

/** What comes out of the fleet's secret for sealing: the same on all its servers, and kept nowhere. */
export interface ArrivalKeys {
  /** Signs the checkpoints of a log in which arrivals lie. */
  signerOf(log: string): NoteSigner
  /**
   * The id of a row, out of what its source calls it: equal for equal ones, and not to be foreseen, so that nobody takes the id of a row of another
   * source or node. A ULID of the source keeps its time, any other has the row's.
   */
  rowId(source_id: string, identity: string, micros: number): string
}

export function createArrivalKeys(secret: Buffer): ArrivalKeys {
  const { publicKey, sign } = ed25519Pair(
    ed25519FromSeed(Buffer.from(derived(secret, 'arrival key'), 'base64url')),
  )
  const idKey = Buffer.from(derived(secret, 'arrival ids'), 'base64url')
  return {
    signerOf: (log) => ({ key: verifierKey(log, 'ed25519', publicKey, sha256), sign }),
    rowId(source_id, identity, micros) {
      const digest = createHmac('sha256', idKey).update(`${source_id}\0${identity}`).digest()
      const [, time = timeText(micros)] =
        /^evt-([0-7][0-9A-HJKMNP-TV-Z]{9})[0-9A-HJKMNP-TV-Z]{16}$/.exec(identity) ?? []
      let text = `evt-${time}`
      // Ten bytes are sixteen characters of five bits.
      for (let at = 0, held = 0, bits = 0; text.length < 30;) {
        if (bits < 5) {
          held = (held << 8) | (digest[at++] ?? 0)
          bits += 8
        }
        bits -= 5
        text += crockford[(held >> bits) & 31] ?? ''
        held &= (1 << bits) - 1
      }
      return text
    },
  }
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

function timeText(micros: number): string {
  let text = ''
  const millis = Math.min(Math.max(0, Math.floor(micros / 1000)), 2 ** 48 - 1)
  for (let rest = millis; text.length < 10; rest = Math.floor(rest / 32))
    text = `${crockford[rest % 32] ?? ''}${text}`
  return text
}
