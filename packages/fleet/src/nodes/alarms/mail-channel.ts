// SPDX-License-Identifier: Apache-2.0
import { createTransport } from 'nodemailer'
import { headlineOf, type AlarmChannel, type AlarmNotice } from './alarm-channel.ts'

export interface MailOptions {
  /** `smtp://user:password@host:587`, or `smtps://`. */
  readonly url: string
  readonly from: string
  /** Addresses, with commas between them. */
  readonly to: string
  /** Of one attempt, ms. Default 20,000. */
  readonly timeoutMs?: number
}

/** Sends each notice as a plain text mail whose message id is made of the notice's, so that one that comes twice is known. */
export function mailChannel({ url, from, to, timeoutMs = 20_000 }: MailOptions): AlarmChannel {
  const transport = createTransport({
    url,
    connectionTimeout: timeoutMs / 2,
    greetingTimeout: timeoutMs / 2,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    name: 'mail',
    async tell(notice) {
      await transport.sendMail({
        from,
        to,
        subject: headlineOf(notice),
        text: textOf(notice),
        messageId: `<${notice.notice_id}@fleet>`,
        headers: { 'Auto-Submitted': 'auto-generated', 'Fleet-Notice': notice.notice_id },
      })
    },
    async close() {
      transport.close()
    },
  }
}

function textOf(notice: AlarmNotice): string {
  const { alarm, event } = notice
  return [
    headlineOf(notice),
    '',
    `about:   ${alarm.subject}`,
    `kind:    ${alarm.kind}`,
    `raised:  ${alarm.raised_at}`,
    ...(event === 'cleared' ? [`over:    ${alarm.cleared_at ?? ''}`] : []),
    '',
    JSON.stringify(alarm.detail, null, 2),
    '',
    `Acknowledge it: POST /api/v1/alarms/${alarm.alarm_id}/acknowledge`,
    '',
  ].join('\n')
}
