"""Which R4 elements are of a narrower primitive type than their JSON shows.

fhirclient knows that ``Patient.gender`` is a string; that it is a ``code`` is said here. Facts of
FHIR 4.0.1, one line per type that declares such elements; choices (``valueCode``) say their type
themselves. ``RESOURCES`` names every resource of R4.
"""

from __future__ import annotations

#: primitive type -> "Type.element,element ..."
DECLARED = {
    "code": """
        Account.status ActivityDefinition.intent,kind,priority,status
        ActivityDefinitionParticipant.type Address.type,use AdverseEvent.actuality
        AllergyIntolerance.category,criticality,type AllergyIntoleranceReaction.severity
        Appointment.status AppointmentParticipant.required,status
        AppointmentResponse.participantStatus Attachment.contentType,language
        AuditEvent.action,outcome AuditEventAgentNetwork.type Binary.contentType
        BiologicallyDerivedProduct.productCategory,status
        BiologicallyDerivedProductStorage.scale Bundle.type BundleEntryRequest.method
        BundleEntrySearch.mode CapabilityStatement.fhirVersion,format,kind,patchFormat,status
        CapabilityStatementDocument.mode CapabilityStatementMessagingSupportedMessage.mode
        CapabilityStatementRest.mode CapabilityStatementRestInteraction.code
        CapabilityStatementRestResource.conditionalDelete,conditionalRead,referencePolicy,type,versioning
        CapabilityStatementRestResourceInteraction.code
        CapabilityStatementRestResourceSearchParam.type CarePlan.intent,status
        CarePlanActivityDetail.kind,status CareTeam.status CatalogEntry.status
        CatalogEntryRelatedEntry.relationtype ChargeItem.status ChargeItemDefinition.status
        ChargeItemDefinitionPropertyGroupPriceComponent.type Claim.status,use
        ClaimResponse.outcome,status,use ClaimResponseProcessNote.type ClinicalImpression.status
        CodeSystem.content,hierarchyMeaning,status CodeSystemConcept.code
        CodeSystemConceptDesignation.language CodeSystemConceptProperty.code
        CodeSystemFilter.code,operator CodeSystemProperty.code,type Coding.code
        Communication.priority,status CommunicationRequest.priority,status
        CompartmentDefinition.code,status CompartmentDefinitionResource.code
        Composition.confidentiality,status CompositionAttester.mode CompositionRelatesTo.code
        CompositionSection.mode ConceptMap.status ConceptMapGroupElement.code
        ConceptMapGroupElementTarget.code,equivalence ConceptMapGroupUnmapped.code,mode
        Consent.status ConsentProvision.type ConsentProvisionData.meaning
        ContactPoint.system,use Contract.status ContractContentDefinition.publicationStatus
        Contributor.type Coverage.status CoverageEligibilityRequest.purpose,status
        CoverageEligibilityResponse.outcome,purpose,status DataRequirement.type
        DataRequirementSort.direction DetectedIssue.severity,status Device.status
        DeviceDefinitionDeviceName.type DeviceDeviceName.type
        DeviceMetric.category,color,operationalStatus DeviceMetricCalibration.state,type
        DeviceRequest.intent,priority,status DeviceUdiCarrier.entryType
        DeviceUseStatement.status DiagnosticReport.status DocumentManifest.status
        DocumentReference.docStatus,status DocumentReferenceRelatesTo.code
        EffectEvidenceSynthesis.status EffectEvidenceSynthesisResultsByExposure.exposureState
        ElementDefinition.representation ElementDefinitionBinding.strength
        ElementDefinitionConstraint.severity ElementDefinitionMapping.language
        ElementDefinitionSlicing.rules ElementDefinitionSlicingDiscriminator.type
        ElementDefinitionType.aggregation,versioning Encounter.status EncounterLocation.status
        EncounterStatusHistory.status Endpoint.payloadMimeType,status EnrollmentRequest.status
        EnrollmentResponse.outcome,status EpisodeOfCare.status EpisodeOfCareStatusHistory.status
        EventDefinition.status Evidence.status EvidenceVariable.status,type
        EvidenceVariableCharacteristic.groupMeasure ExampleScenario.status
        ExampleScenarioActor.type ExampleScenarioInstance.resourceType
        ExplanationOfBenefit.outcome,status,use ExplanationOfBenefitProcessNote.type
        Expression.language FamilyMemberHistory.status Flag.status Goal.lifecycleStatus
        GraphDefinition.start,status GraphDefinitionLinkTarget.type
        GraphDefinitionLinkTargetCompartment.code,rule,use Group.type GuidanceResponse.status
        HealthcareServiceAvailableTime.daysOfWeek HumanName.use Identifier.use
        ImagingStudy.status Immunization.status ImmunizationEvaluation.status
        ImplementationGuide.fhirVersion,license,status
        ImplementationGuideDefinitionPage.generation ImplementationGuideDefinitionParameter.code
        ImplementationGuideDefinitionResource.fhirVersion
        ImplementationGuideDefinitionTemplate.code ImplementationGuideGlobal.type
        InsurancePlan.status Invoice.status InvoiceLineItemPriceComponent.type Library.status
        LinkageItem.type List.mode,status Location.mode,status
        LocationHoursOfOperation.daysOfWeek Measure.status MeasureReport.status,type
        Media.status Medication.status MedicationAdministration.status MedicationDispense.status
        MedicationKnowledge.status MedicationRequest.intent,priority,status
        MedicationStatement.status MessageDefinition.category,responseRequired,status
        MessageDefinitionFocus.code MessageHeaderResponse.code MetadataResource.status
        MolecularSequence.type MolecularSequenceQuality.type
        MolecularSequenceReferenceSeq.orientation,strand MolecularSequenceRepository.type
        Money.currency NamingSystem.kind,status NamingSystemUniqueId.type Narrative.status
        NutritionOrder.intent,status Observation.status ObservationDefinition.permittedDataType
        ObservationDefinitionQualifiedInterval.category,gender
        OperationDefinition.code,kind,resource,status
        OperationDefinitionParameter.name,searchType,type,use
        OperationDefinitionParameterBinding.strength OperationOutcomeIssue.code,severity
        ParameterDefinition.name,type,use Patient.gender PatientContact.gender PatientLink.type
        PaymentNotice.status PaymentReconciliation.outcome,status
        PaymentReconciliationProcessNote.type Person.gender PersonLink.assurance
        PlanDefinition.status
        PlanDefinitionAction.cardinalityBehavior,groupingBehavior,precheckBehavior,priority,requiredBehavior,selectionBehavior
        PlanDefinitionActionCondition.kind PlanDefinitionActionParticipant.type
        PlanDefinitionActionRelatedAction.relationship Practitioner.gender
        PractitionerRoleAvailableTime.daysOfWeek Procedure.status ProvenanceEntity.role
        Quantity.code,comparator Questionnaire.status,subjectType
        QuestionnaireItem.enableBehavior,type QuestionnaireItemEnableWhen.operator
        QuestionnaireResponse.status RelatedArtifact.type RelatedPerson.gender
        RequestGroup.intent,priority,status
        RequestGroupAction.cardinalityBehavior,groupingBehavior,precheckBehavior,priority,requiredBehavior,selectionBehavior
        RequestGroupActionCondition.kind RequestGroupActionRelatedAction.relationship
        ResearchDefinition.status ResearchElementDefinition.status,type,variableType
        ResearchElementDefinitionCharacteristic.participantEffectiveGroupMeasure,studyEffectiveGroupMeasure
        ResearchStudy.status ResearchSubject.status Resource.language RiskAssessment.status
        RiskEvidenceSynthesis.status
        SearchParameter.base,code,comparator,modifier,status,target,type,xpathUsage
        ServiceRequest.intent,priority,status Signature.sigFormat,targetFormat Slot.status
        Specimen.status SpecimenDefinitionTypeTested.preference
        StructureDefinition.derivation,fhirVersion,kind,status StructureDefinitionContext.type
        StructureMap.status StructureMapGroup.typeMode StructureMapGroupInput.mode
        StructureMapGroupRuleSource.listMode
        StructureMapGroupRuleTarget.contextType,listMode,transform StructureMapStructure.mode
        Subscription.status SubscriptionChannel.payload,type Substance.status
        SupplyDelivery.status SupplyRequest.priority,status Task.intent,priority,status
        TerminologyCapabilities.codeSearch,kind,status
        TerminologyCapabilitiesCodeSystemVersion.language,property
        TerminologyCapabilitiesCodeSystemVersionFilter.code,op
        TerminologyCapabilitiesExpansionParameter.name TestReport.result,status
        TestReportParticipant.type TestReportSetupActionAssert.result
        TestReportSetupActionOperation.result TestScript.status
        TestScriptSetupActionAssert.contentType,direction,operator,requestMethod,resource,response
        TestScriptSetupActionOperation.accept,contentType,method,resource
        TimingRepeat.dayOfWeek,durationUnit,periodUnit,when TriggerDefinition.type
        ValueSet.status ValueSetComposeIncludeConcept.code
        ValueSetComposeIncludeConceptDesignation.language
        ValueSetComposeIncludeFilter.op,property ValueSetExpansionContains.code
        VerificationResult.status VisionPrescription.status
        VisionPrescriptionLensSpecification.eye VisionPrescriptionLensSpecificationPrism.base""",
    "id": """
        ElementDefinition.condition ElementDefinitionConstraint.key
        ElementDefinitionMapping.identity Expression.name ImagingStudySeries.uid
        ImagingStudySeriesInstance.uid ImplementationGuide.packageId
        ImplementationGuideDefinitionResource.groupingId ImplementationGuideDependsOn.packageId
        MessageHeaderResponse.identifier Meta.versionId PlanDefinitionAction.goalId
        PlanDefinitionActionRelatedAction.actionId RequestGroupActionRelatedAction.actionId
        Resource.id StructureDefinitionMapping.identity StructureMapGroup.extends,name
        StructureMapGroupInput.name StructureMapGroupRule.name
        StructureMapGroupRuleDependent.name StructureMapGroupRuleSource.context,variable
        StructureMapGroupRuleTarget.context,listRuleId,variable
        TestScriptSetupActionAssert.sourceId,validateProfileId
        TestScriptSetupActionOperation.requestId,responseId,sourceId,targetId
        TestScriptVariable.sourceId""",
    "uri": """
        ActivityDefinition.url AuditEventAgent.policy BundleEntry.fullUrl BundleEntryRequest.url
        BundleEntryResponse.location BundleLink.url CapabilityStatement.url
        CarePlan.instantiatesUri CarePlanActivityDetail.instantiatesUri ChargeItem.definitionUri
        ChargeItemDefinition.derivedFromUri,url ClinicalImpression.protocol CodeSystem.url
        CodeSystemProperty.uri Coding.system Communication.instantiatesUri
        CompartmentDefinition.url ConceptMap.url ConceptMapGroup.source,target
        ConceptMapGroupElementTargetDependsOn.property ConsentPolicy.authority,uri
        Contract.instantiatesUri,url CoverageEligibilityResponseInsuranceItem.authorizationUrl
        DetectedIssue.reference Device.url DeviceDefinition.onlineInformation,url
        DeviceDefinitionUdiDeviceIdentifier.issuer,jurisdiction DeviceRequest.instantiatesUri
        DeviceUdiCarrier.issuer,jurisdiction DocumentManifest.source EffectEvidenceSynthesis.url
        ElementDefinition.contentReference ElementDefinitionType.code EventDefinition.url
        Evidence.url EvidenceVariable.url ExampleScenario.url Expression.reference Extension.url
        FamilyMemberHistory.instantiatesUri GraphDefinition.url Identifier.system
        ImmunizationEducation.reference ImplementationGuide.url Library.url Measure.url
        MedicationAdministration.instantiates MedicationRequest.instantiatesUri
        MessageDefinition.url Meta.source MetadataResource.url MolecularSequenceRepository.url
        NutritionOrder.instantiates,instantiatesUri OperationDefinition.url PlanDefinition.url
        Procedure.instantiatesUri Provenance.policy Quantity.system Questionnaire.url
        QuestionnaireItem.definition QuestionnaireResponseItem.definition Reference.type
        RequestGroup.instantiatesUri ResearchDefinition.url ResearchElementDefinition.url
        Resource.implicitRules RiskEvidenceSynthesis.url SearchParameter.url
        ServiceRequest.instantiatesUri StructureDefinition.type,url
        StructureDefinitionMapping.uri StructureMap.url Task.instantiatesUri
        TerminologyCapabilities.url TestReportParticipant.uri
        TestReportSetupActionOperation.detail TestScript.url TestScriptMetadataCapability.link
        TestScriptMetadataLink.url ValueSet.url ValueSetComposeInclude.system
        ValueSetExpansion.identifier ValueSetExpansionContains.system""",
    "url": """
        Attachment.url CapabilityStatementImplementation.url
        CapabilityStatementMessagingEndpoint.address Endpoint.address
        ImplementationGuideManifest.rendering ImplementationGuideManifestResource.relativePath
        MessageHeaderDestination.endpoint MessageHeaderSource.endpoint RelatedArtifact.url
        SubscriptionChannel.endpoint TerminologyCapabilitiesImplementation.url""",
    "canonical": """
        ActivityDefinition.library,profile,transform
        CapabilityStatement.implementationGuide,imports,instantiates
        CapabilityStatementDocument.profile
        CapabilityStatementMessagingSupportedMessage.definition
        CapabilityStatementRest.compartment
        CapabilityStatementRestResource.profile,supportedProfile
        CapabilityStatementRestResourceOperation.definition
        CapabilityStatementRestResourceSearchParam.definition CarePlan.instantiatesCanonical
        CarePlanActivityDetail.instantiatesCanonical ChargeItem.definitionCanonical
        ChargeItemDefinition.partOf,replaces CodeSystem.supplements,valueSet
        Communication.instantiatesCanonical ConceptMapGroupElementTargetDependsOn.system
        ConceptMapGroupUnmapped.url DataRequirement.profile DataRequirementCodeFilter.valueSet
        DeviceRequest.instantiatesCanonical ElementDefinitionBinding.valueSet
        ElementDefinitionConstraint.source ElementDefinitionType.profile,targetProfile
        ExampleScenario.workflow FamilyMemberHistory.instantiatesCanonical
        GraphDefinition.profile GraphDefinitionLinkTarget.profile
        ImplementationGuideDependsOn.uri ImplementationGuideGlobal.profile Measure.library
        MeasureReport.measure MedicationRequest.instantiatesCanonical
        MessageDefinition.base,graph,parent,replaces MessageDefinitionAllowedResponse.message
        MessageDefinitionFocus.profile MessageHeader.definition Meta.profile
        NutritionOrder.instantiatesCanonical OperationDefinition.base,inputProfile,outputProfile
        OperationDefinitionParameter.targetProfile OperationDefinitionParameterBinding.valueSet
        ParameterDefinition.profile PlanDefinition.library PlanDefinitionAction.transform
        Procedure.instantiatesCanonical Questionnaire.derivedFrom
        QuestionnaireItem.answerValueSet QuestionnaireResponse.questionnaire
        RelatedArtifact.resource RequestGroup.instantiatesCanonical ResearchDefinition.library
        ResearchElementDefinition.library SearchParameter.derivedFrom
        SearchParameterComponent.definition ServiceRequest.instantiatesCanonical
        StructureDefinition.baseDefinition StructureMap.import StructureMapStructure.url
        Task.instantiatesCanonical TerminologyCapabilitiesCodeSystem.uri
        TestScriptMetadataCapability.capabilities ValueSetComposeInclude.valueSet""",
    "oid": """""",
    "uuid": """""",
    "markdown": """
        ActivityDefinition.copyright,description,purpose Annotation.text
        CapabilityStatement.copyright,description,purpose
        CapabilityStatementDocument.documentation CapabilityStatementMessaging.documentation
        CapabilityStatementRest.documentation CapabilityStatementRestInteraction.documentation
        CapabilityStatementRestResource.documentation
        CapabilityStatementRestResourceInteraction.documentation
        CapabilityStatementRestResourceOperation.documentation
        CapabilityStatementRestResourceSearchParam.documentation
        CapabilityStatementRestSecurity.description ChargeItemDefinition.copyright,description
        CodeSystem.copyright,description,purpose CompartmentDefinition.description,purpose
        ConceptMap.copyright,description,purpose ContractContentDefinition.copyright
        EffectEvidenceSynthesis.copyright,description
        ElementDefinition.comment,definition,meaningWhenMissing,requirements
        EventDefinition.copyright,description,purpose Evidence.copyright,description
        EvidenceVariable.copyright,description ExampleScenario.copyright,purpose
        ExampleScenarioActor.description ExampleScenarioInstance.description
        ExampleScenarioInstanceVersion.description
        ExampleScenarioProcess.description,postConditions,preConditions
        ExampleScenarioProcessStepAlternative.description
        ExampleScenarioProcessStepOperation.description GraphDefinition.description,purpose
        HealthcareService.extraDetails HealthcareServiceEligibility.comment
        ImplementationGuide.copyright,description Invoice.paymentTerms
        Library.copyright,description,purpose
        Measure.clinicalRecommendationStatement,copyright,definition,description,disclaimer,guidance,purpose,rationale
        MedicationKnowledge.preparationInstruction
        MessageDefinition.copyright,description,purpose
        MessageDefinitionAllowedResponse.situation MetadataResource.description
        NamingSystem.description OperationDefinition.comment,description,purpose
        PlanDefinition.copyright,description,purpose Questionnaire.copyright,description,purpose
        RelatedArtifact.citation ResearchDefinition.copyright,description,purpose
        ResearchElementDefinition.copyright,description,purpose ResearchStudy.description
        RiskEvidenceSynthesis.copyright,description SearchParameter.description,purpose
        StructureDefinition.copyright,description,purpose
        StructureMap.copyright,description,purpose
        TerminologyCapabilities.copyright,description,purpose
        TerminologyCapabilitiesExpansion.textFilter TestReportSetupActionAssert.message
        TestReportSetupActionOperation.message TestScript.copyright,description,purpose
        ValueSet.copyright,description,purpose""",
    "base64Binary": """
        Attachment.data,hash AuditEventEntity.query Binary.data DeviceUdiCarrier.carrierAIDC
        Signature.data""",
    "xhtml": """
        Narrative.div""",
    "positiveInt": """
        AccountCoverage.priority Appointment.minutesDuration ClaimCareTeam.sequence
        ClaimDiagnosis.sequence ClaimInsurance.sequence
        ClaimItem.careTeamSequence,diagnosisSequence,informationSequence,procedureSequence,sequence
        ClaimItemDetail.sequence ClaimItemDetailSubDetail.sequence ClaimProcedure.sequence
        ClaimResponseAddItem.detailSequence,itemSequence,noteNumber,subdetailSequence
        ClaimResponseAddItemDetail.noteNumber ClaimResponseAddItemDetailSubDetail.noteNumber
        ClaimResponseError.detailSequence,itemSequence,subDetailSequence
        ClaimResponseInsurance.sequence ClaimResponseItem.itemSequence,noteNumber
        ClaimResponseItemDetail.detailSequence,noteNumber
        ClaimResponseItemDetailSubDetail.noteNumber,subDetailSequence
        ClaimResponseProcessNote.number ClaimSupportingInfo.sequence ContactPoint.rank
        Coverage.order CoverageEligibilityRequestItem.supportingInfoSequence
        CoverageEligibilityRequestSupportingInfo.sequence DataRequirement.limit
        EncounterDiagnosis.rank EpisodeOfCareDiagnosis.rank ExplanationOfBenefit.precedence
        ExplanationOfBenefitAddItem.detailSequence,itemSequence,noteNumber,subDetailSequence
        ExplanationOfBenefitAddItemDetail.noteNumber
        ExplanationOfBenefitAddItemDetailSubDetail.noteNumber
        ExplanationOfBenefitCareTeam.sequence ExplanationOfBenefitDiagnosis.sequence
        ExplanationOfBenefitItem.careTeamSequence,diagnosisSequence,informationSequence,noteNumber,procedureSequence,sequence
        ExplanationOfBenefitItemDetail.noteNumber,sequence
        ExplanationOfBenefitItemDetailSubDetail.noteNumber,sequence
        ExplanationOfBenefitProcedure.sequence ExplanationOfBenefitProcessNote.number
        ExplanationOfBenefitSupportingInfo.sequence InsurancePlanPlanGeneralCost.groupSize
        InvoiceLineItem.sequence Media.frames,height,width SampledData.dimensions
        TaskRestriction.repetitions TimingRepeat.count,countMax,frequency,frequencyMax""",
    "unsignedInt": """
        Appointment.priority Attachment.size Bundle.total
        CapabilityStatementMessaging.reliableCache CodeSystem.count
        ContractTermAction.securityLabelNumber ContractTermAsset.securityLabelNumber
        ContractTermAssetValuedItem.securityLabelNumber ContractTermOffer.securityLabelNumber
        ContractTermSecurityLabel.number ElementDefinition.min ElementDefinitionBase.min
        Group.quantity ImagingStudy.numberOfInstances,numberOfSeries
        ImagingStudySeries.number,numberOfInstances ImagingStudySeriesInstance.number
        MedicationRequestDispenseRequest.numberOfRepeatsAllowed MessageDefinitionFocus.min
        TimingRepeat.offset""",
}

#: every resource of R4
RESOURCES = """
    Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment AppointmentResponse
    AuditEvent Basic Binary BiologicallyDerivedProduct BodyStructure Bundle CapabilityStatement
    CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Claim ClaimResponse
    ClinicalImpression CodeSystem Communication CommunicationRequest CompartmentDefinition
    Composition ConceptMap Condition Consent Contract Coverage CoverageEligibilityRequest
    CoverageEligibilityResponse DetectedIssue Device DeviceDefinition DeviceMetric DeviceRequest
    DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference
    EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest EnrollmentResponse
    EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario ExplanationOfBenefit
    FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse HealthcareService
    ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation
    ImplementationGuide InsurancePlan Invoice Library Linkage List Location Measure
    MeasureReport Media Medication MedicationAdministration MedicationDispense
    MedicationKnowledge MedicationRequest MedicationStatement MedicinalProduct
    MedicinalProductAuthorization MedicinalProductContraindication MedicinalProductIndication
    MedicinalProductIngredient MedicinalProductInteraction MedicinalProductManufactured
    MedicinalProductPackaged MedicinalProductPharmaceutical MedicinalProductUndesirableEffect
    MessageDefinition MessageHeader MolecularSequence NamingSystem NutritionOrder Observation
    ObservationDefinition OperationDefinition OperationOutcome Organization
    OrganizationAffiliation Parameters Patient PaymentNotice PaymentReconciliation Person
    PlanDefinition Practitioner PractitionerRole Procedure Provenance Questionnaire
    QuestionnaireResponse RelatedPerson RequestGroup ResearchDefinition
    ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment RiskEvidenceSynthesis
    Schedule SearchParameter ServiceRequest Slot Specimen SpecimenDefinition StructureDefinition
    StructureMap Subscription Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein
    SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification SupplyDelivery
    SupplyRequest Task TerminologyCapabilities TestReport TestScript ValueSet VerificationResult
    VisionPrescription
"""
