"""Which resources a Reference element of R4 may point to (FHIR 4.0.1).

For the resources that HL7 v2 messages become. An element that is not named here may point to any.
"""

from __future__ import annotations

#: (elements, resources)
TARGETS = (
    (
        "Account.owner CareTeam.managingOrganization CareTeamParticipant.onBehalfOf "
        "ChargeItem.costCenter ChargeItem.performingOrganization "
        "ChargeItem.requestingOrganization Claim.insurer ClaimResponse.insurer "
        "Composition.custodian Consent.organization Device.owner DocumentReference.custodian "
        "Encounter.serviceProvider Endpoint.managingOrganization "
        "EpisodeOfCare.managingOrganization HealthcareService.providedBy Identifier.assigner "
        "Immunization.manufacturer ImmunizationProtocolApplied.authority "
        "ImmunizationRecommendation.authority Invoice.issuer Location.managingOrganization "
        "Medication.manufacturer MedicationRequestDispenseRequest.performer Organization.partOf "
        "OrganizationAffiliation.network OrganizationAffiliation.organization "
        "OrganizationAffiliation.participatingOrganization Patient.managingOrganization "
        "PatientContact.organization Person.managingOrganization PractitionerQualification.issuer "
        "PractitionerRole.organization ProcedurePerformer.onBehalfOf ResearchStudy.sponsor",
        "Organization",
    ),
    (
        "Account.partOf ChargeItem.account Encounter.account EpisodeOfCare.account Invoice.account",
        "Account",
    ),
    (
        "Account.subject",
        "Patient Device Practitioner PractitionerRole Location HealthcareService Organization",
    ),
    (
        "AccountCoverage.coverage ClaimInsurance.coverage ClaimResponseInsurance.coverage",
        "Coverage",
    ),
    (
        "AccountGuarantor.party Coverage.policyHolder",
        "Patient RelatedPerson Organization",
    ),
    (
        "AllergyIntolerance.asserter Procedure.asserter Procedure.recorder",
        "Patient RelatedPerson Practitioner PractitionerRole",
    ),
    (
        "AllergyIntolerance.encounter CarePlan.encounter CareTeam.encounter ClaimItem.encounter "
        "Communication.encounter CommunicationRequest.encounter Composition.encounter "
        "Condition.encounter DiagnosticReport.encounter Encounter.partOf Flag.encounter "
        "ImagingStudy.encounter Immunization.encounter List.encounter Media.encounter "
        "MedicationRequest.encounter NutritionOrder.encounter Observation.encounter "
        "Procedure.encounter QuestionnaireResponse.encounter RiskAssessment.encounter "
        "ServiceRequest.encounter Task.encounter",
        "Encounter",
    ),
    (
        "AllergyIntolerance.patient Claim.patient ClaimResponse.patient Consent.patient "
        "Coverage.beneficiary DetectedIssue.patient Device.patient "
        "DocumentReferenceContext.sourcePatientInfo EpisodeOfCare.patient "
        "FamilyMemberHistory.patient Immunization.patient ImmunizationRecommendation.patient "
        "NutritionOrder.patient RelatedPerson.patient ResearchSubject.individual "
        "SupplyDelivery.patient",
        "Patient",
    ),
    (
        "AllergyIntolerance.recorder Condition.asserter Condition.recorder",
        "Practitioner PractitionerRole Patient RelatedPerson",
    ),
    (
        "Annotation.authorReference",
        "Practitioner Patient RelatedPerson Organization",
    ),
    (
        "Appointment.basedOn Claim.referral Encounter.basedOn EpisodeOfCare.referralRequest "
        "ServiceRequest.replaces Specimen.request",
        "ServiceRequest",
    ),
    (
        "Appointment.reasonReference Encounter.reasonReference",
        "Condition Procedure Observation ImmunizationRecommendation",
    ),
    (
        "Appointment.slot",
        "Slot",
    ),
    (
        "AppointmentParticipant.actor AppointmentResponse.actor Schedule.actor",
        "Patient Practitioner PractitionerRole RelatedPerson Device HealthcareService Location",
    ),
    (
        "AppointmentResponse.appointment Encounter.appointment",
        "Appointment",
    ),
    (
        "Basic.author",
        "Practitioner PractitionerRole Patient RelatedPerson Organization",
    ),
    (
        "CarePlan.addresses CareTeam.reasonReference ClaimDiagnosis.diagnosisReference "
        "EpisodeOfCareDiagnosis.condition Procedure.complicationDetail RiskAssessment.condition",
        "Condition",
    ),
    (
        "CarePlan.author CarePlan.contributor",
        "Patient Practitioner PractitionerRole Device RelatedPerson Organization CareTeam",
    ),
    (
        "CarePlan.basedOn CarePlan.partOf CarePlan.replaces",
        "CarePlan",
    ),
    (
        "CarePlan.careTeam EpisodeOfCare.team",
        "CareTeam",
    ),
    (
        "CarePlan.goal CarePlanActivityDetail.goal",
        "Goal",
    ),
    (
        "CarePlan.subject CareTeam.subject ChargeItem.subject Communication.subject "
        "CommunicationRequest.subject Condition.subject Encounter.subject Invoice.subject "
        "MedicationAdministration.subject MedicationDispense.subject MedicationRequest.subject "
        "MedicationStatement.subject Procedure.subject RiskAssessment.subject",
        "Patient Group",
    ),
    (
        "CarePlanActivity.reference",
        "Appointment CommunicationRequest DeviceRequest MedicationRequest NutritionOrder Task "
        "ServiceRequest VisionPrescription RequestGroup",
    ),
    (
        "CarePlanActivityDetail.location Claim.facility ClaimAccident.locationReference "
        "ClaimItem.locationReference ClaimResponseAddItem.locationReference Device.location "
        "EncounterLocation.location HealthcareService.coverageArea HealthcareService.location "
        "ImagingStudy.location Immunization.location Location.partOf "
        "MedicationDispense.destination MedicationDispense.location "
        "OrganizationAffiliation.location PractitionerRole.location Procedure.location "
        "Provenance.location ResearchStudy.site ServiceRequest.locationReference "
        "SupplyDelivery.destination Task.location",
        "Location",
    ),
    (
        "CarePlanActivityDetail.performer",
        "Practitioner PractitionerRole Organization RelatedPerson Patient CareTeam "
        "HealthcareService Device",
    ),
    (
        "CarePlanActivityDetail.productReference",
        "Medication Substance",
    ),
    (
        "CarePlanActivityDetail.reasonReference Communication.reasonReference "
        "CommunicationRequest.reasonReference RiskAssessment.reasonReference "
        "ServiceRequest.reasonReference SupplyRequest.reasonReference",
        "Condition Observation DiagnosticReport DocumentReference",
    ),
    (
        "CareTeamParticipant.member",
        "Practitioner PractitionerRole RelatedPerson Patient Organization CareTeam",
    ),
    (
        "ChargeItem.context DocumentReferenceContext.encounter MedicationAdministration.context "
        "MedicationDispense.context MedicationStatement.context",
        "Encounter EpisodeOfCare",
    ),
    (
        "ChargeItem.enterer MedicationDispensePerformer.actor",
        "Practitioner PractitionerRole Organization Patient Device RelatedPerson",
    ),
    (
        "ChargeItem.partOf InvoiceLineItem.chargeItemReference",
        "ChargeItem",
    ),
    (
        "ChargeItem.productReference Procedure.usedReference",
        "Device Medication Substance",
    ),
    (
        "ChargeItem.service",
        "DiagnosticReport ImagingStudy Immunization MedicationAdministration MedicationDispense "
        "Observation Procedure SupplyDelivery",
    ),
    (
        "ChargeItemPerformer.actor ImagingStudySeriesPerformer.actor Media.operator",
        "Practitioner PractitionerRole Organization CareTeam Patient Device RelatedPerson",
    ),
    (
        "Claim.enterer DetectedIssueMitigation.author EpisodeOfCare.careManager "
        "ImagingStudy.interpreter ImagingStudy.referrer "
        "MedicationDispenseSubstitution.responsibleParty MedicationRequest.recorder "
        "MessageHeader.author MessageHeader.enterer NutritionOrder.orderer "
        "ResearchStudy.principalInvestigator SpecimenCollection.collector SupplyDelivery.receiver",
        "Practitioner PractitionerRole",
    ),
    (
        "Claim.originalPrescription Claim.prescription",
        "DeviceRequest MedicationRequest VisionPrescription",
    ),
    (
        "Claim.provider ClaimCareTeam.provider ClaimResponse.requestor "
        "ClaimResponseAddItem.provider DocumentReference.authenticator "
        "ImmunizationPerformer.actor Linkage.author MessageHeader.responsible "
        "MessageHeader.sender MessageHeaderDestination.receiver SupplyDelivery.supplier",
        "Practitioner PractitionerRole Organization",
    ),
    (
        "ClaimInsurance.claimResponse ClaimResponseInsurance.claimResponse",
        "ClaimResponse",
    ),
    (
        "ClaimItem.udi ClaimItemDetail.udi ClaimItemDetailSubDetail.udi ClaimProcedure.udi "
        "Device.parent MedicationAdministration.device MessageHeaderDestination.target "
        "ProcedureFocalDevice.manipulated",
        "Device",
    ),
    (
        "ClaimPayee.party",
        "Practitioner PractitionerRole Organization Patient RelatedPerson",
    ),
    (
        "ClaimProcedure.procedureReference ImagingStudy.procedureReference "
        "MedicationDispense.partOf",
        "Procedure",
    ),
    (
        "ClaimRelated.claim ClaimResponse.request",
        "Claim",
    ),
    (
        "ClaimResponse.communicationRequest CommunicationRequest.replaces",
        "CommunicationRequest",
    ),
    (
        "Communication.inResponseTo",
        "Communication",
    ),
    (
        "Communication.recipient CommunicationRequest.recipient",
        "Device Organization Patient Practitioner PractitionerRole RelatedPerson Group CareTeam "
        "HealthcareService",
    ),
    (
        "Communication.sender CommunicationRequest.sender",
        "Device Organization Patient Practitioner PractitionerRole RelatedPerson HealthcareService",
    ),
    (
        "CommunicationRequest.requester MedicationRequest.requester ProcedurePerformer.actor "
        "ServiceRequest.requester SupplyRequest.requester",
        "Practitioner PractitionerRole Organization Patient RelatedPerson Device",
    ),
    (
        "Composition.author CompositionSection.author",
        "Practitioner PractitionerRole Device Patient RelatedPerson Organization",
    ),
    (
        "CompositionAttester.party",
        "Patient RelatedPerson Practitioner PractitionerRole Organization",
    ),
    (
        "CompositionRelatesTo.targetReference",
        "Composition",
    ),
    (
        "ConditionStage.assessment",
        "ClinicalImpression DiagnosticReport Observation",
    ),
    (
        "Consent.performer",
        "Organization Patient Practitioner RelatedPerson PractitionerRole",
    ),
    (
        "Consent.sourceReference",
        "Consent DocumentReference Contract QuestionnaireResponse",
    ),
    (
        "ConsentProvisionActor.reference",
        "Device Group CareTeam Organization Patient Practitioner RelatedPerson PractitionerRole",
    ),
    (
        "ConsentVerification.verifiedWith Coverage.subscriber PatientLink.other",
        "Patient RelatedPerson",
    ),
    (
        "Coverage.contract",
        "Contract",
    ),
    (
        "Coverage.payor Invoice.recipient",
        "Organization Patient RelatedPerson",
    ),
    (
        "DetectedIssue.author RiskAssessment.performer",
        "Practitioner PractitionerRole Device",
    ),
    (
        "Device.definition",
        "DeviceDefinition",
    ),
    (
        "DiagnosticReport.basedOn",
        "CarePlan ImmunizationRecommendation MedicationRequest NutritionOrder ServiceRequest",
    ),
    (
        "DiagnosticReport.imagingStudy",
        "ImagingStudy",
    ),
    (
        "DiagnosticReport.performer DiagnosticReport.resultsInterpreter",
        "Practitioner PractitionerRole Organization CareTeam",
    ),
    (
        "DiagnosticReport.result Goal.outcomeReference ImmunizationReaction.detail",
        "Observation",
    ),
    (
        "DiagnosticReport.specimen ImagingStudySeries.specimen Observation.specimen "
        "ServiceRequest.specimen Specimen.parent",
        "Specimen",
    ),
    (
        "DiagnosticReport.subject List.subject Observation.subject",
        "Patient Group Device Location",
    ),
    (
        "DiagnosticReportMedia.link",
        "Media",
    ),
    (
        "DocumentReference.author",
        "Practitioner PractitionerRole Organization Device Patient RelatedPerson",
    ),
    (
        "DocumentReference.subject",
        "Patient Practitioner Group Device",
    ),
    (
        "DocumentReferenceRelatesTo.target SubstanceReferenceInformationClassification.source "
        "SubstanceReferenceInformationGene.source SubstanceReferenceInformationGeneElement.source "
        "SubstanceReferenceInformationTarget.source SubstanceSpecification.source "
        "SubstanceSpecificationCode.source SubstanceSpecificationName.source "
        "SubstanceSpecificationRelationship.source SubstanceSpecificationStructure.source",
        "DocumentReference",
    ),
    (
        "Encounter.episodeOfCare",
        "EpisodeOfCare",
    ),
    (
        "EncounterDiagnosis.condition",
        "Condition Procedure",
    ),
    (
        "EncounterHospitalization.destination EncounterHospitalization.origin",
        "Location Organization",
    ),
    (
        "EncounterParticipant.individual",
        "Practitioner PractitionerRole RelatedPerson",
    ),
    (
        "FamilyMemberHistory.reasonReference",
        "Condition Observation AllergyIntolerance QuestionnaireResponse DiagnosticReport "
        "DocumentReference",
    ),
    (
        "Flag.author",
        "Device Organization Patient Practitioner PractitionerRole",
    ),
    (
        "Flag.subject",
        "Patient Location Group Organization Practitioner PlanDefinition Medication Procedure",
    ),
    (
        "Goal.addresses",
        "Condition Observation MedicationStatement NutritionOrder ServiceRequest RiskAssessment",
    ),
    (
        "Goal.expressedBy QuestionnaireResponse.source",
        "Patient Practitioner PractitionerRole RelatedPerson",
    ),
    (
        "Goal.subject",
        "Patient Group Organization",
    ),
    (
        "Group.managingEntity",
        "Organization RelatedPerson Practitioner PractitionerRole",
    ),
    (
        "GroupMember.entity",
        "Patient Practitioner PractitionerRole Device Medication Substance Group",
    ),
    (
        "HealthcareService.endpoint ImagingStudy.endpoint ImagingStudySeries.endpoint "
        "Location.endpoint Organization.endpoint OrganizationAffiliation.endpoint "
        "PractitionerRole.endpoint",
        "Endpoint",
    ),
    (
        "ImagingStudy.basedOn",
        "CarePlan ServiceRequest Appointment AppointmentResponse Task",
    ),
    (
        "ImagingStudy.reasonReference",
        "Condition Observation Media DiagnosticReport DocumentReference",
    ),
    (
        "ImagingStudy.subject",
        "Patient Device Group",
    ),
    (
        "Immunization.reasonReference MedicationAdministration.reasonReference "
        "MedicationStatement.reasonReference",
        "Condition Observation DiagnosticReport",
    ),
    (
        "ImmunizationRecommendationRecommendation.supportingImmunization",
        "Immunization ImmunizationEvaluation",
    ),
    (
        "InvoiceParticipant.actor",
        "Practitioner Organization Patient PractitionerRole Device RelatedPerson",
    ),
    (
        "List.source",
        "Practitioner PractitionerRole Patient Device",
    ),
    (
        "Media.basedOn",
        "ServiceRequest CarePlan",
    ),
    (
        "Media.device",
        "Device DeviceMetric Device",
    ),
    (
        "Media.subject",
        "Patient Practitioner PractitionerRole Group Device Specimen Location",
    ),
    (
        "MedicationAdministration.eventHistory MedicationDispense.eventHistory "
        "MedicationRequest.eventHistory ServiceRequest.relevantHistory Task.relevantHistory",
        "Provenance",
    ),
    (
        "MedicationAdministration.medicationReference MedicationDispense.medicationReference "
        "MedicationRequest.medicationReference MedicationStatement.medicationReference",
        "Medication",
    ),
    (
        "MedicationAdministration.partOf",
        "MedicationAdministration Procedure",
    ),
    (
        "MedicationAdministration.request MedicationDispense.authorizingPrescription "
        "MedicationRequest.priorPrescription",
        "MedicationRequest",
    ),
    (
        "MedicationAdministrationPerformer.actor",
        "Practitioner PractitionerRole Patient RelatedPerson Device",
    ),
    (
        "MedicationDispense.detectedIssue MedicationDispense.statusReasonReference "
        "MedicationRequest.detectedIssue",
        "DetectedIssue",
    ),
    (
        "MedicationDispense.receiver",
        "Patient Practitioner",
    ),
    (
        "MedicationIngredient.itemReference",
        "Substance Medication",
    ),
    (
        "MedicationRequest.basedOn",
        "CarePlan MedicationRequest ServiceRequest ImmunizationRecommendation",
    ),
    (
        "MedicationRequest.insurance ServiceRequest.insurance Task.insurance",
        "Coverage ClaimResponse",
    ),
    (
        "MedicationRequest.performer",
        "Practitioner PractitionerRole Organization Patient Device RelatedPerson CareTeam",
    ),
    (
        "MedicationRequest.reasonReference",
        "Condition Observation",
    ),
    (
        "MedicationRequest.reportedReference MedicationStatement.informationSource",
        "Patient Practitioner PractitionerRole RelatedPerson Organization",
    ),
    (
        "MedicationStatement.basedOn",
        "MedicationRequest CarePlan ServiceRequest",
    ),
    (
        "MedicationStatement.partOf",
        "MedicationAdministration MedicationDispense MedicationStatement Procedure Observation",
    ),
    (
        "MessageHeader.definition",
        "MessageDefinition",
    ),
    (
        "MessageHeaderResponse.details",
        "OperationOutcome",
    ),
    (
        "Meta.profile",
        "StructureDefinition",
    ),
    (
        "NutritionOrder.allergyIntolerance",
        "AllergyIntolerance",
    ),
    (
        "Observation.basedOn",
        "CarePlan DeviceRequest ImmunizationRecommendation MedicationRequest NutritionOrder "
        "ServiceRequest",
    ),
    (
        "Observation.derivedFrom",
        "DocumentReference ImagingStudy Media QuestionnaireResponse Observation MolecularSequence",
    ),
    (
        "Observation.device",
        "Device DeviceMetric",
    ),
    (
        "Observation.hasMember",
        "Observation QuestionnaireResponse MolecularSequence",
    ),
    (
        "Observation.partOf",
        "MedicationAdministration MedicationDispense MedicationStatement Procedure Immunization "
        "ImagingStudy",
    ),
    (
        "Observation.performer",
        "Practitioner PractitionerRole Organization CareTeam Patient RelatedPerson",
    ),
    (
        "OrganizationAffiliation.healthcareService PractitionerRole.healthcareService",
        "HealthcareService",
    ),
    (
        "Patient.generalPractitioner",
        "Organization Practitioner PractitionerRole",
    ),
    (
        "PersonLink.target",
        "Patient Practitioner RelatedPerson Person",
    ),
    (
        "PractitionerRole.practitioner",
        "Practitioner",
    ),
    (
        "Procedure.basedOn QuestionnaireResponse.basedOn",
        "CarePlan ServiceRequest",
    ),
    (
        "Procedure.partOf",
        "Procedure Observation MedicationAdministration",
    ),
    (
        "Procedure.reasonReference",
        "Condition Observation Procedure DiagnosticReport DocumentReference",
    ),
    (
        "Procedure.report",
        "DiagnosticReport DocumentReference Composition",
    ),
    (
        "ProvenanceAgent.onBehalfOf ProvenanceAgent.who Signature.onBehalfOf Signature.who",
        "Practitioner PractitionerRole RelatedPerson Patient Device Organization",
    ),
    (
        "QuestionnaireResponse.author",
        "Device Practitioner PractitionerRole Patient RelatedPerson Organization",
    ),
    (
        "QuestionnaireResponse.partOf",
        "Observation Procedure",
    ),
    (
        "QuestionnaireResponse.questionnaire",
        "Questionnaire",
    ),
    (
        "ResearchStudy.enrollment",
        "Group",
    ),
    (
        "ResearchStudy.partOf ResearchSubject.study",
        "ResearchStudy",
    ),
    (
        "ResearchStudy.protocol",
        "PlanDefinition",
    ),
    (
        "ResearchSubject.consent",
        "Consent",
    ),
    (
        "ServiceRequest.basedOn",
        "CarePlan ServiceRequest MedicationRequest",
    ),
    (
        "ServiceRequest.performer Task.owner",
        "Practitioner PractitionerRole Organization CareTeam HealthcareService Patient Device "
        "RelatedPerson",
    ),
    (
        "ServiceRequest.subject",
        "Patient Group Location Device",
    ),
    (
        "Slot.schedule",
        "Schedule",
    ),
    (
        "Specimen.subject",
        "Patient Group Device Substance Location",
    ),
    (
        "SpecimenContainer.additiveReference SpecimenProcessing.additive "
        "SubstanceIngredient.substanceReference",
        "Substance",
    ),
    (
        "SubstanceSpecification.nucleicAcid",
        "SubstanceNucleicAcid",
    ),
    (
        "SubstanceSpecification.polymer",
        "SubstancePolymer",
    ),
    (
        "SubstanceSpecification.protein",
        "SubstanceProtein",
    ),
    (
        "SubstanceSpecification.referenceInformation",
        "SubstanceReferenceInformation",
    ),
    (
        "SubstanceSpecification.sourceMaterial",
        "SubstanceSourceMaterial",
    ),
    (
        "SubstanceSpecificationProperty.definingSubstanceReference",
        "SubstanceSpecification Substance",
    ),
    (
        "SubstanceSpecificationRelationship.substanceReference",
        "SubstanceSpecification",
    ),
    (
        "SupplyDelivery.basedOn",
        "SupplyRequest",
    ),
    (
        "SupplyDelivery.partOf",
        "SupplyDelivery Contract",
    ),
    (
        "SupplyDeliverySuppliedItem.itemReference SupplyRequest.itemReference",
        "Medication Substance Device",
    ),
    (
        "SupplyRequest.deliverFrom",
        "Organization Location",
    ),
    (
        "SupplyRequest.deliverTo",
        "Organization Location Patient",
    ),
    (
        "SupplyRequest.supplier",
        "Organization HealthcareService",
    ),
    (
        "Task.partOf",
        "Task",
    ),
    (
        "Task.requester",
        "Device Organization Patient Practitioner PractitionerRole RelatedPerson",
    ),
    (
        "TaskRestriction.recipient",
        "Patient Practitioner PractitionerRole RelatedPerson Group Organization",
    ),
)
