// SPDX-License-Identifier: Apache-2.0
import type { Clock } from 'fasten/core'
import type { NodesConfig } from '../../config/nodes-config.ts'
import type { AlarmChannel } from './alarm-channel.ts'
import { mailChannel } from './mail-channel.ts'
import { webhookChannel } from './webhook-channel.ts'

/** The channels that the configuration names. None of them is connected before it has something to tell. */
export function channelsOf(
  { webhook, mail }: Pick<NodesConfig, 'webhook' | 'mail'>,
  clock: Clock,
): readonly AlarmChannel[] {
  return [
    ...(webhook === undefined ? [] : [webhookChannel({ url: webhook.url, secret: webhook.secret(), clock })]),
    ...(mail === undefined ? [] : [mailChannel({ ...mail, url: mail.url() })]),
  ]
}
