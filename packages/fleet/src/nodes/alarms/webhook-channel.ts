// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto'
import { FastenError, type Clock } from 'fasten/core'
import type { AlarmChannel } from './alarm-channel.ts'

export interface WebhookOptions {
  readonly url: string
  readonly secret: string
  readonly clock: Clock
  /** Of one attempt, ms. Default 10,000. */
  readonly timeoutMs?: number
}

/**
 * Posts each notice as JSON. `fleet-notice` is its id and `fleet-signature` is `t=<seconds since 1970>,v1=<HMAC-SHA256 in hex of "<t>.<body>">`
 * under the secret: a receiver compares it over the bytes as they came, and refuses an old `t`. Any answer of 200 to 299 is taken for having it;
 * redirections are not followed, since they would carry the notice to somebody else.
 */
export function webhookChannel({ url, secret, clock, timeoutMs = 10_000 }: WebhookOptions): AlarmChannel {
  return {
    name: 'webhook',
    async tell(notice) {
      const body = JSON.stringify(notice)
      const seconds = Math.floor(clock.nowMicros() / 1_000_000)
      const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'fleet-notice': notice.notice_id,
          'fleet-signature': `t=${seconds},v1=${mac}`,
        },
        body,
        signal: AbortSignal.timeout(timeoutMs),
      })
      await response.body?.cancel()
      if (!response.ok)
        throw new FastenError('ALARM_NOT_TOLD', `the webhook answered ${response.status}`, {
          at: new URL(url).host,
          hint: 'it is told again; see what the receiver says of it',
        })
    },
  }
}
