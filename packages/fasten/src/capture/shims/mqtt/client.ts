// SPDX-License-Identifier: Apache-2.0

/** The properties of an MQTT 5 packet, as far as ids are concerned. */
export interface MqttProperties {
  /** A name may come several times: then its values are a list. */
  readonly userProperties?: unknown
}

/** A publish packet, as far as it is looked at. */
export interface MqttPacket {
  readonly cmd?: string
  readonly topic?: string
  readonly payload?: string | Uint8Array
  readonly qos?: number
  readonly retain?: boolean
  readonly dup?: boolean
  readonly properties?: MqttProperties | undefined
}

export interface MqttPublishOptions {
  readonly qos?: 0 | 1 | 2
  readonly retain?: boolean
  readonly dup?: boolean
  readonly properties?: object
  readonly cbStorePut?: () => void
}

/** What comes back of a message that was sent. */
export type MqttPublished = (error?: Error | null, packet?: unknown) => void

/** What `publish` needs of a client; those of mqtt.js 5 are such. */
export interface MqttPublisher {
  readonly options?: { readonly protocolVersion?: number | undefined }
  publish(
    topic: string,
    message: string | Buffer,
    options: MqttPublishOptions,
    callback: MqttPublished,
  ): unknown
}

/** What `instrumentMqtt` needs of a client; `MqttClient` of mqtt.js 5 is such, and so is whatever has its shape. */
export interface MqttClientLike {
  readonly options?: { readonly protocolVersion?: number | undefined }
  publish(topic: string, ...rest: never[]): unknown
  emit(name: never, ...values: never[]): boolean
}

/** A method of a client, whatever it is called with. */
export type Method = (this: unknown, ...values: unknown[]) => unknown

/** Our methods, so that nobody is instrumented twice. */
export const ours = new WeakSet<object>()
