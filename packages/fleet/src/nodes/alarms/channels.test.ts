// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { createSystemClock } from 'fasten/store'
import { SMTPServer } from 'smtp-server'
import { describeAlarmChannel } from '../../testing/fixtures/alarm-channel-contract.ts'
import { startWebhookReceiver } from './fixtures/webhook-receiver.ts'
import { mailChannel } from './mail-channel.ts'
import { webhookChannel } from './webhook-channel.ts'

const clock = createSystemClock()
const secret = 'a secret of the webhook'
const nowMs = (): number => clock.nowMicros() / 1000

describeAlarmChannel('webhook', async () => {
  const receiver = await startWebhookReceiver(secret, nowMs)
  return {
    channel: webhookChannel({ url: receiver.url, secret, clock }),
    received: () =>
      receiver.got.map(({ notice_id, body }) => ({ notice_id, text: textsIn(JSON.parse(body)) })),
    refuse: (isRefusing) => void (receiver.status = isRefusing ? 503 : 200),
    secret,
    close: () => receiver.close(),
  }
})

/** All texts in a JSON value, as whoever reads the members sees them. */
function textsIn(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value).replaceAll('\\"', '"')
  return Object.values(value).map(textsIn).join(' ')
}

describeAlarmChannel('mail', async () => {
  const got: string[] = []
  let isRefusing = false
  const password = 'a-password-of-the-mail-server'
  const server = new SMTPServer({
    authOptional: false,
    allowInsecureAuth: true,
    disabledCommands: ['STARTTLS'],
    onAuth: (auth, _session, done) =>
      auth.username === 'fleet' && auth.password === password
        ? done(null, { user: 'fleet' })
        : done(new Error('no such user')),
    onRcptTo: (_address, _session, done) => done(isRefusing ? new Error('550 not now') : null),
    onData(stream, { envelope }, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        assert.deepEqual(
          envelope.rcptTo.map(({ address }) => address),
          ['night@example.org', 'day@example.org'],
        )
        got.push(Buffer.concat(chunks).toString())
        done()
      })
    },
  })
  server.listen(0, '127.0.0.1')
  await once(server.server, 'listening')
  const { port } = server.server.address() as AddressInfo
  return {
    channel: mailChannel({
      url: `smtp://fleet:${password}@127.0.0.1:${port}?ignoreTLS=true`,
      from: 'fleet@example.org',
      to: 'night@example.org, day@example.org',
    }),
    received: () =>
      got.map((text) => ({
        notice_id: /^Message-ID: <(.*)@fleet>/m.exec(text)?.[1] ?? '',
        text: text.replaceAll('=\r\n', ''),
      })),
    refuse: (refusing) => void (isRefusing = refusing),
    secret: password,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
})

test('a webhook follows no redirection, and a receiver with another secret refuses', async (t) => {
  const receiver = await startWebhookReceiver(secret, nowMs)
  t.after(() => receiver.close())
  const notice = { notice_id: 'x', event: 'raised', fleet: 'f', alarm: {} } as never
  receiver.status = 307
  await assert.rejects(webhookChannel({ url: receiver.url, secret, clock }).tell(notice), {
    code: 'ALARM_NOT_TOLD',
  })
  receiver.status = 200
  await assert.rejects(webhookChannel({ url: receiver.url, secret: `${secret}!`, clock }).tell(notice), {
    code: 'ALARM_NOT_TOLD',
    message: 'the webhook answered 401',
  })
  assert.deepEqual(receiver.got, [])
})
