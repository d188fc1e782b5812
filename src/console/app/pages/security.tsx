import { Screen } from '../components/screen.tsx'

export const SecurityPage = () => <Screen title="Security" />
