// SPDX-License-Identifier: Apache-2.0
import { z } from 'zod'

/** Above which of these a node is alarming. */
export interface AlarmLimits {
  /** Seconds without a request. */
  readonly silentS: number
  /** Seconds that rows lie here without a checkpoint over them. */
  readonly unanchoredS: number
  /** Rows of one log that are missing here, and seconds that some are. */
  readonly lagRows: number
  readonly lagS: number
  /** Seconds between a node's clock and the fleet's. */
  readonly clockS: number
  /** Of what its spool may hold. */
  readonly spoolPercent: number
}

/** What watches over nodes and whom it tells, and how nodes connect. */
export interface NodesConfig {
  readonly limits: AlarmLimits
  readonly webhook: { readonly url: string; readonly secret: () => string } | undefined
  readonly mail: { readonly url: () => string; readonly from: string; readonly to: string } | undefined
  readonly tls: TlsConfig | undefined
  /** A node is told to change a credential that is older, days; 0 for never. */
  readonly credentialDays: number
  /** Whether sources in private networks are asked. */
  readonly pullPrivate: 'refuse' | 'allow'
}

/** Files in PEM. */
export interface TlsConfig {
  readonly certFile: string
  readonly keyFile: string
  /** Whose certificates nodes need; undefined where they need none. */
  readonly clientCaFile: string | undefined
}

const seconds = (otherwise: number) => z.coerce.number().int().min(1).max(31_622_400).default(otherwise)
const file = z.string().min(1).max(4096)

/** Each variable as it is written. Described in spec/fleet-env.yaml. */
export const nodesVariables = {
  FLEET_TLS_CERT: file.optional(),
  FLEET_TLS_KEY: file.optional(),
  FLEET_TLS_CLIENT_CA: file.optional(),
  FLEET_NODE_CREDENTIAL_DAYS: z.coerce.number().int().min(0).max(3650).default(90),
  FLEET_ALARM_SILENT_S: seconds(900),
  FLEET_ALARM_UNANCHORED_S: seconds(900),
  FLEET_ALARM_LAG_ROWS: z.coerce.number().int().min(1).max(1e12).default(100_000),
  FLEET_ALARM_LAG_S: seconds(900),
  FLEET_ALARM_CLOCK_S: seconds(60),
  FLEET_ALARM_SPOOL_PERCENT: z.coerce.number().int().min(1).max(100).default(80),
  FLEET_ALARM_WEBHOOK_URL: z.url({ protocol: /^https?$/, error: 'is an http or https address' }).optional(),
  FLEET_ALARM_WEBHOOK_SECRET: z.string().min(16, 'has 16 characters at least').max(512).optional(),
  FLEET_SMTP_URL: z.url({ protocol: /^smtps?$/, error: 'is an smtp or smtps address' }).optional(),
  FLEET_ALARM_MAIL_FROM: z.string().min(3).max(320).optional(),
  FLEET_ALARM_MAIL_TO: z.string().min(3).max(2000).optional(),
  FLEET_PULL_PRIVATE: z.enum(['refuse', 'allow']).default('refuse'),
}

type NodesValues = z.output<z.ZodObject<typeof nodesVariables>>

/** What is wrong with variables that are each right. */
export function nodesProblem(values: NodesValues): string | undefined {
  const { FLEET_TLS_CERT: cert, FLEET_TLS_KEY: key, FLEET_TLS_CLIENT_CA: ca } = values
  if ((cert === undefined) !== (key === undefined)) return 'FLEET_TLS_CERT and FLEET_TLS_KEY go together'
  if (ca !== undefined && cert === undefined)
    return 'FLEET_TLS_CLIENT_CA needs FLEET_TLS_CERT and FLEET_TLS_KEY'
  if ((values.FLEET_ALARM_WEBHOOK_URL === undefined) !== (values.FLEET_ALARM_WEBHOOK_SECRET === undefined))
    return 'FLEET_ALARM_WEBHOOK_URL and FLEET_ALARM_WEBHOOK_SECRET go together'
  const mail = [values.FLEET_SMTP_URL, values.FLEET_ALARM_MAIL_FROM, values.FLEET_ALARM_MAIL_TO]
  if (mail.includes(undefined) && mail.some((each) => each !== undefined))
    return 'FLEET_SMTP_URL, FLEET_ALARM_MAIL_FROM and FLEET_ALARM_MAIL_TO go together'
  return undefined
}

export function nodesConfig(values: NodesValues): NodesConfig {
  const {
    FLEET_ALARM_WEBHOOK_URL: webhookUrl,
    FLEET_ALARM_WEBHOOK_SECRET: webhookSecret,
    FLEET_SMTP_URL: smtpUrl,
    FLEET_ALARM_MAIL_FROM: from,
    FLEET_ALARM_MAIL_TO: to,
    FLEET_TLS_CERT: certFile,
    FLEET_TLS_KEY: keyFile,
  } = values
  return {
    credentialDays: values.FLEET_NODE_CREDENTIAL_DAYS,
    limits: {
      silentS: values.FLEET_ALARM_SILENT_S,
      unanchoredS: values.FLEET_ALARM_UNANCHORED_S,
      lagRows: values.FLEET_ALARM_LAG_ROWS,
      lagS: values.FLEET_ALARM_LAG_S,
      clockS: values.FLEET_ALARM_CLOCK_S,
      spoolPercent: values.FLEET_ALARM_SPOOL_PERCENT,
    },
    webhook:
      webhookUrl === undefined || webhookSecret === undefined
        ? undefined
        : { url: webhookUrl, secret: () => webhookSecret },
    mail:
      smtpUrl === undefined || from === undefined || to === undefined
        ? undefined
        : { url: () => smtpUrl, from, to },
    tls:
      certFile === undefined || keyFile === undefined
        ? undefined
        : { certFile, keyFile, clientCaFile: values.FLEET_TLS_CLIENT_CA },
    pullPrivate: values.FLEET_PULL_PRIVATE,
  }
}
