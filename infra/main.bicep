// Latchwork as an Azure Functions app: all that it needs, and nothing that lies
// open. main.json beside this file is compiled from it (`make generate`).
targetScope = 'resourceGroup'

@description('Name of this environment, such as dev; azd gives its own.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Where everything lies.')
param location string = resourceGroup().location

@description('FlexConsumption, or Consumption, which on Linux retires on 30 September 2028 and gets nothing new.')
@allowed(['FlexConsumption', 'Consumption'])
param plan string = 'FlexConsumption'

@description('UserAssigned: its rights outlive the app. SystemAssigned: it goes with the app.')
@allowed(['UserAssigned', 'SystemAssigned'])
param identityType string = 'UserAssigned'

@description('Redundancy of the storage account.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS'])
param storageSku string = 'Standard_LRS'

@description('Memory of an instance; Flex Consumption only.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('How far the app scales out: 40 to 1000 on Flex Consumption, at most 100 on Consumption.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 100

@description('Version of the custom runtime; az functionapp list-flexconsumption-runtimes --runtime custom prints those of a region.')
param customRuntimeVersion string = '1.0'

@description('Name of table and blob container: 3 to 40 lower-case letters and digits.')
@minLength(3)
@maxLength(40)
param storagePrefix string = 'latchwork'

@description('Name of the secret that holds the key to seal with; the hook after provisioning makes it once.')
param sealKeySecret string = 'latchwork-seal-key'

@description('How much the app logs. The alert about failed runs reads lines of level info, so there is nothing less than that.')
@allowed(['debug', 'info'])
param logLevel string = 'info'

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Gigabytes of logs a day, above which no more are taken in; -1: no limit.')
param logDailyCapGb int = 1

@description('Who is mailed when an alert fires; empty: alerts show in the portal only.')
param alertEmail string = ''

@description('Failed runs within 15 minutes that fire the alert.')
@minValue(1)
param failedRunsThreshold int = 5

@description('Object id of who deploys: may write the key to seal with, and packages. Empty: nobody is given that.')
param deployerPrincipalId string = ''

@description('Kind of that principal.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param deployerPrincipalType string = 'User'

@description('Who may manage workflows by the REST API, such as contributor=oid:11111111-…;reader=group:22222222-…. Empty: who deploys is contributor and may read contents.')
param managementRoles string = ''

@description('Further settings of the app: name to value.')
param extraSettings array = []

@description('Tags of all resources.')
param tags object = {}

var suffix = uniqueString(subscription().id, resourceGroup().id, environmentName)
var allTags = union(tags, { 'azd-env-name': environmentName })
var isFlex = plan == 'FlexConsumption'
var isUserAssigned = identityType == 'UserAssigned'
var isDeployerKnown = !empty(deployerPrincipalId)
var deployerRoles = isDeployerKnown ? 'contributor=oid:${deployerPrincipalId};contents=oid:${deployerPrincipalId}' : ''
var isSomeoneMailed = !empty(alertEmail)
var packageContainerName = 'app-package'
var packageName = 'latchwork.zip'

var roles = {
  StorageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  StorageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  StorageQueueDataContributor: '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  StorageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  KeyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  KeyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  MonitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
}

// Who the app is.

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = if (isUserAssigned) {
  name: 'id-latchwork-${suffix}'
  location: location
  tags: allTags
}

// Where workflows and runs are kept: no keys, no public blobs.

resource storage 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: 'stlw${suffix}'
  location: location
  tags: allTags
  kind: 'StorageV2'
  sku: { name: storageSku }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    networkAcls: { bypass: 'AzureServices', defaultAction: 'Allow' }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: storage
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
    deleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource payloadContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: storagePrefix
}

resource packageContainer 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: blobs
  name: packageContainerName
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

resource doorbell 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'latchwork-doorbell'
}

resource poison 'Microsoft.Storage/storageAccounts/queueServices/queues@2023-05-01' = {
  parent: queues
  name: 'latchwork-doorbell-poison'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2023-05-01' = {
  parent: storage
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = {
  parent: tables
  name: storagePrefix
}

// Where secrets are kept, the key to seal with among them. It cannot be purged: what
// is sealed with a key that is gone stays sealed.

resource vault 'Microsoft.KeyVault/vaults@2023-07-01' = {
  name: 'kv-lw-${suffix}'
  location: location
  tags: allTags
  properties: {
    tenantId: subscription().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    enablePurgeProtection: true
    softDeleteRetentionInDays: 90
    networkAcls: { bypass: 'AzureServices', defaultAction: 'Allow' }
  }
}

// Where logs go.

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-latchwork-${suffix}'
  location: location
  tags: allTags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: logRetentionDays
    workspaceCapping: { dailyQuotaGb: logDailyCapGb }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-latchwork-${suffix}'
  location: location
  tags: allTags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    DisableLocalAuth: true
  }
}

// The app.

resource serverfarm 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-latchwork-${suffix}'
  location: location
  tags: allTags
  kind: 'functionapp'
  sku: isFlex ? { name: 'FC1', tier: 'FlexConsumption' } : { name: 'Y1', tier: 'Dynamic' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: 'func-latchwork-${suffix}'
  location: location
  tags: union(allTags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: isUserAssigned ? { type: 'UserAssigned', userAssignedIdentities: { '${identity.id}': {} } } : { type: 'SystemAssigned' }
  properties: {
    serverFarmId: serverfarm.id
    httpsOnly: true
    keyVaultReferenceIdentity: isUserAssigned ? identity.id : 'SystemAssigned'
    functionAppConfig: isFlex ? {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${packageContainerName}'
          authentication: isUserAssigned ? { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identity.id } : { type: 'SystemAssignedIdentity' }
        }
      }
      runtime: { name: 'custom', version: customRuntimeVersion }
      scaleAndConcurrency: { instanceMemoryMB: instanceMemoryMB, maximumInstanceCount: max(maximumInstanceCount, 40) }
    } : null
    siteConfig: {
      alwaysOn: false
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
      functionAppScaleLimit: isFlex ? null : min(maximumInstanceCount, 100)
      appSettings: concat([
        { name: 'AzureWebJobsStorage__accountName', value: storage.name }
        { name: 'AzureWebJobsStorage__blobServiceUri', value: storage.properties.primaryEndpoints.blob }
        { name: 'AzureWebJobsStorage__queueServiceUri', value: storage.properties.primaryEndpoints.queue }
        { name: 'AzureWebJobsStorage__tableServiceUri', value: storage.properties.primaryEndpoints.table }
        { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
        { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }
        { name: 'LATCHWORK_KEY_VAULT', value: vault.properties.vaultUri }
        { name: 'LATCHWORK_SEAL_KEY_SECRET', value: sealKeySecret }
        { name: 'LATCHWORK_STORAGE_PREFIX', value: storagePrefix }
        { name: 'LATCHWORK_LOG_LEVEL', value: logLevel }
        { name: 'LATCHWORK_MANAGEMENT_TENANT', value: subscription().tenantId }
        { name: 'LATCHWORK_MANAGEMENT_ROLES', value: empty(managementRoles) ? deployerRoles : managementRoles }
      ], isUserAssigned ? [
        { name: 'AzureWebJobsStorage__clientId', value: identity.properties.clientId }
        { name: 'AZURE_CLIENT_ID', value: identity.properties.clientId }
        { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'ClientId=${identity.properties.clientId};Authorization=AAD' }
      ] : [
        { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: 'Authorization=AAD' }
      ], isFlex ? [] : [
        { name: 'FUNCTIONS_EXTENSION_VERSION', value: '~4' }
        { name: 'FUNCTIONS_WORKER_RUNTIME', value: 'custom' }
        { name: 'WEBSITE_RUN_FROM_PACKAGE', value: '${storage.properties.primaryEndpoints.blob}${packageContainerName}/${packageName}' }
      ], isFlex || !isUserAssigned ? [] : [
        { name: 'WEBSITE_RUN_FROM_PACKAGE_BLOB_MI_RESOURCE_ID', value: identity.id }
      ], extraSettings)
    }
  }
  dependsOn: [packageContainer, payloadContainer, doorbell, poison, table]
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

// What the app may do. Blobs: the Functions host keeps locks, timers and keys in
// containers that it makes, so Owner, on the account. All else only where it is needed.

resource mayKeepBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(storage.id, identityType, app.id, roles.StorageBlobDataOwner)
  scope: storage
  properties: {
    principalId: isUserAssigned ? identity.properties.principalId : app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.StorageBlobDataOwner)
  }
}

resource mayRing 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(doorbell.id, identityType, app.id, roles.StorageQueueDataContributor)
  scope: doorbell
  properties: {
    principalId: isUserAssigned ? identity.properties.principalId : app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.StorageQueueDataContributor)
  }
}

resource mayGiveUp 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(poison.id, identityType, app.id, roles.StorageQueueDataContributor)
  scope: poison
  properties: {
    principalId: isUserAssigned ? identity.properties.principalId : app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.StorageQueueDataContributor)
  }
}

resource mayKeepRuns 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(table.id, identityType, app.id, roles.StorageTableDataContributor)
  scope: table
  properties: {
    principalId: isUserAssigned ? identity.properties.principalId : app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.StorageTableDataContributor)
  }
}

resource mayReadSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, identityType, app.id, roles.KeyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: isUserAssigned ? identity.properties.principalId : app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.KeyVaultSecretsUser)
  }
}

resource mayReport 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, identityType, app.id, roles.MonitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: isUserAssigned ? identity.properties.principalId : app.identity.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.MonitoringMetricsPublisher)
  }
}

// What who deploys may do: write the key to seal with, and put a package where
// Consumption finds it.

resource deployerMayWriteSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (isDeployerKnown) {
  name: guid(vault.id, deployerPrincipalId, roles.KeyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: deployerPrincipalId
    principalType: deployerPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.KeyVaultSecretsOfficer)
  }
}

resource deployerMayUpload 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (isDeployerKnown) {
  name: guid(packageContainer.id, deployerPrincipalId, roles.StorageBlobDataContributor)
  scope: packageContainer
  properties: {
    principalId: deployerPrincipalId
    principalType: deployerPrincipalType
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.StorageBlobDataContributor)
  }
}

// What is recorded beside the app's own logs.

resource appDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'FunctionAppLogs', enabled: true }]
    metrics: [{ category: 'AllMetrics', enabled: true }]
  }
}

resource vaultDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: vault
  properties: {
    workspaceId: workspace.id
    logs: [{ category: 'AuditEvent', enabled: true }]
  }
}

resource tableDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: tables
  properties: {
    workspaceId: workspace.id
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

resource queueDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: queues
  properties: {
    workspaceId: workspace.id
    metrics: [{ category: 'Transaction', enabled: true }]
  }
}

// Alerts.

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = if (isSomeoneMailed) {
  name: 'ag-latchwork-${suffix}'
  location: 'global'
  tags: allTags
  properties: {
    enabled: true
    groupShortName: 'latchwork'
    emailReceivers: [{ name: 'mail', emailAddress: alertEmail, useCommonAlertSchema: true }]
  }
}

resource poisonAlert 'Microsoft.Insights/scheduledQueryRules@2023-03-15-preview' = {
  name: 'latchwork-poison-${suffix}'
  location: location
  tags: allTags
  properties: {
    displayName: 'Latchwork: a run was given up'
    description: 'A doorbell failed five times and came into the poison queue, where the function Poison ends its run. Its log line names the run.'
    severity: 1
    enabled: true
    scopes: [workspace.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: 'AppRequests | where OperationName == "Poison"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: isSomeoneMailed ? [people.id] : [] }
  }
}

resource failedRunsAlert 'Microsoft.Insights/scheduledQueryRules@2023-03-15-preview' = {
  name: 'latchwork-failed-runs-${suffix}'
  location: location
  tags: allTags
  properties: {
    displayName: 'Latchwork: runs fail'
    description: 'More runs than usual ended as Failed or TimedOut. The log lines name them; `latchwork runs show` says why.'
    severity: 2
    enabled: true
    scopes: [workspace.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: 'AppTraces | where Message has "run finished" | extend line = parse_json(Message) | where tostring(line.status) in ("Failed", "TimedOut") | summarize Runs = sum(ItemCount) by bin(TimeGenerated, 5m)'
          metricMeasureColumn: 'Runs'
          timeAggregation: 'Total'
          operator: 'GreaterThanOrEqual'
          threshold: failedRunsThreshold
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: isSomeoneMailed ? [people.id] : [] }
  }
}

resource serverErrorAlert 'Microsoft.Insights/scheduledQueryRules@2023-03-15-preview' = {
  name: 'latchwork-5xx-${suffix}'
  location: location
  tags: allTags
  properties: {
    displayName: 'Latchwork: callers get errors'
    description: 'Callers get answers of 500 and above: from the app, or from workflows that end without their response.'
    severity: 2
    enabled: true
    scopes: [workspace.id]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: 'AppRequests | where toint(ResultCode) >= 500'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 5
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    actions: { actionGroups: isSomeoneMailed ? [people.id] : [] }
  }
}

@description('Where the app answers: callback URLs begin with it.')
output endpoint string = 'https://${app.properties.defaultHostName}'

@description('Where the management API answers.')
output managementEndpoint string = 'https://${app.properties.defaultHostName}'

output AZURE_LATCHWORK_APP string = app.name
output AZURE_LATCHWORK_PLAN string = plan
output AZURE_LATCHWORK_STORAGE string = storage.name
output AZURE_LATCHWORK_PACKAGE_CONTAINER string = packageContainerName
output AZURE_LATCHWORK_VAULT string = vault.name
output AZURE_LATCHWORK_SEAL_KEY_SECRET string = sealKeySecret
