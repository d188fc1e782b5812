import { expect, test } from 'bun:test'
import { givenSettings, parseConfig } from '../../src/config/config.ts'
import { mqttUrl, topicPrefix } from '../../src/config/parsers.ts'

test('MQTT_URL says where the broker is, and who we are there', () => {
  const nobody = { username: undefined, password: undefined }
  const at = (host: string, port: number, isTls = false) => ({ host, port, isTls })
  expect(mqttUrl('mqtt://broker.home')).toStrictEqual({ ...at('broker.home', 1883), ...nobody })
  expect(mqttUrl('mqtts://broker.home/')).toStrictEqual({
    ...at('broker.home', 8883, true),
    ...nobody,
  })
  expect(mqttUrl('mqtt://[fd00::1]:1884')).toStrictEqual({ ...at('fd00::1', 1884), ...nobody })
  expect(mqttUrl('mqtt://ada:p%40ss%2Fword@10.0.0.2')).toStrictEqual({
    ...at('10.0.0.2', 1883),
    username: 'ada',
    password: 'p@ss/word',
  })
})

test('whatever else MQTT_URL says is refused, without its password', () => {
  for (const url of [
    'broker.home',
    'broker.home:1883',
    'http://broker.home',
    'ws://broker.home',
    'mqtt://',
    'mqtt://broker.home/topic',
    'mqtt://broker.home?x=1',
    'mqtt://ada:geheim%zz@broker.home',
    'mqtt://ada:geheim#1@broker.home',
    'mqtt://ada:geheim@broker.home:99999',
  ]) {
    let words = ''
    try {
      parseConfig({ MQTT_URL: url })
    } catch (error) {
      words = String(error)
    }
    expect([url, words]).toStrictEqual([url, expect.stringContaining('MQTT_URL must look like')])
    expect(words).not.toContain('geheim')
  }
  const given = JSON.stringify(givenSettings({ MQTT_URL: 'mqtt://ada:geheim@broker.home' }))
  expect(given).toContain('"value":"set"')
  expect(given).not.toContain('geheim')
})

test('topics have no wildcards', () => {
  expect(topicPrefix('secure-lock')).toBe('secure-lock')
  expect(topicPrefix('home/doors_1')).toBe('home/doors_1')
  for (const text of ['', '/', 'a/', '/a', 'a//b', '#', 'a/+', '$SYS', 'a b', 'a/b/c/d/e', 'ä'])
    expect(() => topicPrefix(text)).toThrow('must be letters')
})
